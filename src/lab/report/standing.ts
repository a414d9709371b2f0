/** How an experiment ended, as a sign, words and a colour: any one of them would do. */
import { outcomes } from '../experiment.js';
import type { Result } from '../results.js';
import { markup, type Markup } from './markup.js';

export const standings = [...outcomes, 'not measured'] as const;
type Standing = (typeof standings)[number];

export const standingOf = ({ verdict }: Result): Standing => verdict?.outcome ?? 'not measured';

/** Drawn in a square of 16 pixels, for not every font has them. */
const signs: Record<Standing, Markup> = {
  holds: markup`<path d="M4.5 8.5 7 11l4.5-6" class="cut"/>`,
  'holds with a condition': markup`<path d="M8 3.5a4.5 4.5 0 0 1 0 9z" class="hole"/>`,
  'does not hold': markup`<path d="m5 5 6 6m0-6-6 6" class="cut"/>`,
  'not measured': markup`<path d="M4.5 8h7" class="cut"/>`,
};

export function badge(standing: Standing): Markup {
  return markup`<span class="badge ${standing.replaceAll(' ', '-')}"><svg viewBox="0 0 16 16"
width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="7.5"/>${signs[standing]}</svg>
${standing}</span>`;
}

/** The rest of a sentence that begins with how it ended. */
export function reasonOf({ verdict, notMeasured }: Result): string {
  return (verdict?.because ?? notMeasured!).replace(/[^.]$/, '$&.');
}
