/**
 * Records a simulated run, and makes a file of it: `NAME.json` is for Perfetto, `NAME.pcap` for
 * Wireshark, anything else a transcript.
 */
import type { Guest } from '../guest.js';
import type { Simulated, SimulateOptions } from '../simulate/outcome.js';
import { simulate } from '../simulate/simulate.js';
import { chromeTrace } from './chrome.js';
import { pcap } from './pcap.js';
import { Recording } from './recording.js';
import { transcript } from './text.js';

/** Runs a command once, as `simulate` does. `name` says what run it is. */
export function record(
  guest: Guest,
  name: string,
  options: SimulateOptions = {},
): { simulated: Simulated; recording: Recording } {
  const recording = new Recording(`sim ${name}`);
  const simulated = simulate(guest, {
    ...options,
    record: (call) => recording.call('guest', call),
    segment: (...segment) => recording.segment(...segment),
  });
  for (const [lane, companion] of Object.entries(simulated.companions))
    for (const call of companion.record) recording.call(lane, call);
  return { simulated, recording };
}

/** What belongs into the file of that name. */
export function fileOf(recording: Recording, path: string): string | Uint8Array {
  if (path.endsWith('.json')) return chromeTrace(recording);
  return path.endsWith('.pcap') ? pcap(recording) : transcript(recording);
}
