/**
 * The rendering of results, as it is bundled with the packages that it draws by: those are not
 * Pollux's own dependencies. It is loaded when something is to be drawn, and only then.
 */
import { existsSync } from 'node:fs';

import { HostError } from '../../host/kernel/error.js';
import type { Figure } from './experiment.js';
import type { Result, Results } from './results.js';

export interface Rendering {
  /** The whole report, as HTML. */
  page(results: Results): string;
  /** The chart of one figure as an SVG of its own, light and dark. */
  picture(result: Result, figure: Figure, caption: string): string;
}

export async function loadRendering(): Promise<Rendering> {
  const bundle = new URL('../../lab/report/report.js', import.meta.url);
  if (!existsSync(bundle))
    throw new HostError('dist/lab/report, which draws it, was not built: run ./build.sh page');
  const { rendering } = (await import(bundle.href)) as { rendering: Rendering };
  return rendering;
}
