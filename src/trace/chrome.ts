/**
 * A recording as Chrome's trace events, which Perfetto and chrome://tracing open: a lane for each
 * guest, its calls as slices in the world's time, and the network as a lane of instants.
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import { addressText, answerText, callText, flagsText } from './recording.js';
import type { Happening, Recording } from './recording.js';

const WORLD = 1;
const NETWORK = 'network';

/** Times are in microseconds, with fractions. */
interface TraceEvent {
  ph: 'M' | 'X' | 'i';
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  name: string;
  s?: 't';
  args?: Record<string, string | number>;
}

export function chromeTrace({ name, happenings }: Recording): string {
  const lanes = new Map<string, number>();
  const events: TraceEvent[] = [named('process_name', 0, name)];
  for (const happening of happenings) {
    const lane = happening.kind === 'segment' ? NETWORK : happening.lane;
    let tid = lanes.get(lane);
    if (tid === undefined) {
      lanes.set(lane, (tid = lanes.size + 1));
      events.push(named('thread_name', tid, lane));
    }
    events.push({ pid: WORLD, tid, ...eventOf(happening) });
  }
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ns' });
}

function named(name: string, tid: number, value: string): TraceEvent {
  return { ph: 'M', pid: WORLD, tid, ts: 0, name, args: { name: value } };
}

function eventOf(happening: Happening): Omit<TraceEvent, 'pid' | 'tid'> {
  switch (happening.kind) {
    case 'call': {
      const { call } = happening;
      const ts = call.startNs / 1000;
      const args = { call: callText(call), answer: answerText(call) };
      return { ph: 'X', ts, dur: call.endNs / 1000 - ts, name: call.name, args };
    }
    case 'segment': {
      const { timeNs, from, to, flags, bytes } = happening;
      const name = `${flagsText(flags)} ${bytes.length}`;
      const args = { from: addressText(from), to: addressText(to), bytes: bytes.length };
      return { ph: 'i', s: 't', ts: timeNs / 1000, name, args };
    }
  }
}
