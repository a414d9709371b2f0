/** The last calls of guests that share a world: a lane for each guest, a line for each call. */
import type { Call } from './instrument.js';

/** A line's width, and that of the time before it. */
const WIDTH = 100;
const TIME_WIDTH = 13;
const LEAST_WIDTH = 20;

/** `sock_recv(fd=4, …) = SUCCESS ro_datalen=6` */
function cellOf({ name, inputs, errno, outputs }: Call): string {
  const [first] = inputs.map(([key, value]) => `${key}=${value}`);
  const given = [...(first === undefined ? [] : [first]), ...(inputs.length > 1 ? ['…'] : [])];
  const answer = [errno, ...outputs.map(([key, value]) => `${key}=${value}`)].join(' ');
  return `${name}(${given.join(', ')}) = ${answer}`;
}

const fitted = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

/** Lines of `most` calls of each guest at most, by when they were over. */
export function sideBySide(lanes: ReadonlyMap<string, readonly Call[]>, most: number): string[] {
  const names = [...lanes.keys()];
  const width = Math.max(LEAST_WIDTH, Math.floor((WIDTH - TIME_WIDTH) / names.length) - 3);
  const line = (time: string, cells: readonly string[]) => {
    const row = [time.padStart(TIME_WIDTH), ...cells.map((cell) => fitted(cell, width))];
    return row.join(' | ').trimEnd();
  };
  const calls = [...lanes].flatMap(([name, all]) =>
    all.slice(-most).map((call) => ({ lane: names.indexOf(name), call })),
  );
  return [
    line('', names),
    ...calls
      .sort((a, b) => a.call.endNs - b.call.endNs)
      .map(({ lane, call }) =>
        line(
          (call.endNs / 1e9).toFixed(6),
          names.map((_, i) => (i === lane ? cellOf(call) : '')),
        ),
      ),
  ];
}
