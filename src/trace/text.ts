/**
 * A recording as a transcript, in the form of src/trace.ts, with the lane before each line:
 *
 *     server -> poll_oneoff(in=68160, out=68352, nsubs=2) @0.001204000
 *     server <- SUCCESS nevents=1 @0.003377000
 *     net 127.0.0.1:40000 > 127.0.0.1:7000 PSH ACK 4 bytes @0.003300000
 */
import { addressText, flagsText, type Happening, type Recording } from './recording.js';

export function transcript({ name, happenings }: Recording): string {
  const lines = happenings.map((each) => `${lineOf(each)} @${(each.timeNs / 1e9).toFixed(9)}\n`);
  return `# kernel ${name}\n${lines.join('')}`;
}

function lineOf(happening: Happening): string {
  switch (happening.kind) {
    case 'enter':
      return `${happening.lane} -> ${happening.call}`;
    case 'leave':
      return `${happening.lane} <- ${happening.answer}`;
    case 'note':
      return `${happening.lane} -- ${happening.text}`;
    case 'segment': {
      const { from, to, flags, bytes } = happening;
      const ends = `${addressText(from)} > ${addressText(to)}`;
      return `net ${ends} ${flagsText(flags)} ${bytes.length} bytes`;
    }
  }
}
