/** What the colours of timelines mean: of the process above, of the kernel below it. */
import { element } from './element.js';
import type { TimelineTexts } from './timeline-texts.js';

export function timelineLegend(texts: TimelineTexts): HTMLElement {
  const { application, runs, inKernel, blocked, idle, kernel, waits, copies, works } = texts;
  const lanes = [
    [application, { runs, kernel: inKernel, blocked, idle }],
    [kernel, { wait: waits, copy: copies, none: works }],
  ] as const;
  return element(
    'p',
    { class: 'timeline-legend' },
    ...lanes.flatMap(([lane, looks]) => [
      element('b', {}, lane),
      ...Object.entries(looks).map(([name, words]) =>
        element('span', {}, element('i', { class: `timeline-swatch timeline-${name}` }), words),
      ),
    ]),
  );
}
