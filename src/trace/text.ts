/**
 * A recording as a transcript, in the form of src/trace.ts, with the lane before each line:
 *
 *     server -> poll_oneoff(in=68160, out=68352, nsubs=2) @0.001204000
 *     server <- SUCCESS nevents=1 @0.003377000
 *     net 127.0.0.1:40000 > 127.0.0.1:7000 PSH ACK 4 bytes @0.003300000
 */
import { addressText, answerText, callText, flagsText } from './recording.js';
import type { Happening, Recording } from './recording.js';

type Line = readonly [timeNs: number, text: string];

export function transcript({ name, happenings }: Recording): string {
  const lines = happenings.flatMap(linesOf).sort(([a], [b]) => a - b);
  const text = lines.map(([timeNs, line]) => `${line} @${(timeNs / 1e9).toFixed(9)}\n`);
  return `# kernel ${name}\n${text.join('')}`;
}

function linesOf(happening: Happening): Line[] {
  switch (happening.kind) {
    case 'call': {
      const { lane, call } = happening;
      return [
        [call.startNs, `${lane} -> ${callText(call)}`],
        [call.endNs, `${lane} <- ${answerText(call)}`],
      ];
    }
    case 'segment': {
      const { timeNs, from, to, flags, bytes } = happening;
      const ends = `${addressText(from)} > ${addressText(to)}`;
      return [[timeNs, `net ${ends} ${flagsText(flags)} ${bytes.length} bytes`]];
    }
  }
}
