/**
 * A recording as Chrome's trace events, which Perfetto and chrome://tracing open: a lane for each
 * guest and actor, its calls as slices in the world's time, and the network as a lane of instants.
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import { addressText, flagsText, type Happening, type Recording } from './recording.js';

const WORLD = 1;
const NETWORK = 'network';

/** Times are in microseconds, with fractions. */
interface TraceEvent {
  ph: 'M' | 'B' | 'E' | 'i';
  pid: number;
  tid: number;
  ts: number;
  name?: string;
  s?: 't';
  args?: Record<string, string | number>;
}

export function chromeTrace({ name, happenings }: Recording): string {
  const lanes = new Map<string, number>();
  const events: TraceEvent[] = [named('process_name', 0, name)];
  /** By lane: calls that have not come back. */
  const open = new Map<number, number>();
  let ts = 0;
  for (const happening of happenings) {
    const lane = happening.kind === 'segment' ? NETWORK : happening.lane;
    let tid = lanes.get(lane);
    if (tid === undefined) {
      lanes.set(lane, (tid = lanes.size + 1));
      events.push(named('thread_name', tid, lane));
    }
    ts = happening.timeNs / 1000;
    events.push({ pid: WORLD, tid, ts, ...eventOf(happening) });
    const depth = open.get(tid) ?? 0;
    if (happening.kind === 'enter') open.set(tid, depth + 1);
    if (happening.kind === 'leave') open.set(tid, depth - 1);
  }
  // What a guest was in when the world ended.
  for (const [tid, depth] of open)
    for (let i = 0; i < depth; i++) events.push({ ph: 'E', pid: WORLD, tid, ts });
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ns' });
}

function named(name: string, tid: number, value: string): TraceEvent {
  return { ph: 'M', pid: WORLD, tid, ts: 0, name, args: { name: value } };
}

function eventOf(happening: Happening): Pick<TraceEvent, 'ph' | 'name' | 's' | 'args'> {
  switch (happening.kind) {
    case 'enter': {
      const { call } = happening;
      return { ph: 'B', name: call.slice(0, call.indexOf('(')), args: { call } };
    }
    case 'leave':
      return { ph: 'E', args: { answer: happening.answer } };
    case 'note':
      return { ph: 'i', s: 't', name: happening.text };
    case 'segment': {
      const { from, to, flags, bytes } = happening;
      const name = `${flagsText(flags)} ${bytes.length}`;
      const args = { from: addressText(from), to: addressText(to), bytes: bytes.length };
      return { ph: 'i', s: 't', name, args };
    }
  }
}
