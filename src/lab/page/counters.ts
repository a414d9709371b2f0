/** The four numbers in which the models differ, as they grow. */
import type { Count } from './count.js';
import { element, say } from './element.js';
import type { Texts } from './english.js';
import { timeText } from './timeline-time.js';

const keys = ['calls', 'blocked', 'busy', 'copies'] as const;

const valuesOf = ({ calls, blockedNs, busyNs, copies }: Count) => ({
  calls: `${calls}`,
  blocked: timeText(blockedNs),
  busy: timeText(busyNs),
  copies: `${copies}`,
});

export class Counters {
  readonly element: HTMLElement;
  readonly #values = new Map(keys.map((key) => [key, element('dd')]));

  constructor({ count }: Texts) {
    this.element = element(
      'dl',
      { class: 'counters', 'aria-label': count.title },
      ...keys.map((key) =>
        element(
          'div',
          { class: key, title: count.hints[key] },
          element('dt', {}, count[key]),
          this.#values.get(key)!,
        ),
      ),
    );
  }

  show(count: Count): void {
    const values = valuesOf(count);
    for (const key of keys) say(this.#values.get(key)!, values[key]);
  }
}
