/** What a chart says, in words: for who does not see it. */
import { hasLines, type Drawing } from './drawing.js';
import { labelled, measured, placed, withUnit } from './number.js';

/** More places than this are told by the first and the last one; the table has them all. */
const TOLD_PLACES = 4;

export function alternative(drawing: Drawing): string {
  const { figure, estimates, series, places } = drawing;
  const { quantity, axis } = figure;
  const kind = hasLines(drawing) ? 'Lines' : 'Bars';
  const scales = quantity.scale === 'log' ? ', on a logarithmic scale' : '';
  const against = places.length > 1 ? `, against ${axis.label}` : '';
  const told = series.map((name) => {
    const own = places.flatMap((at) => estimates.filter((e) => e.series === name && e.at === at));
    const ends = own.length > TOLD_PLACES ? [own[0]!, own.at(-1)!] : own;
    const values = ends.map(({ at, mean }) => {
      const value = withUnit(measured(mean), quantity);
      return places.length > 1 ? `${value} at ${placed(at)}` : value;
    });
    return `${name}: ${values.join(own.length > TOLD_PLACES ? ' to ' : ', ')}`;
  });
  const drawn = `${kind} of ${labelled(quantity)}${scales}${against}`;
  return `${figure.title}. ${drawn}. ${told.join('; ')}.`;
}
