import type { Performer } from './performer.js';
import type { Play, Take, Taken } from './take.js';
export class WorkerPerformer implements Performer {
  async perform(play: Play): Promise<Take> {
    const events: Taken[] = [];
    let now = 0;
    const blocking = play.model === 'blocking';
    for (const deed of play.deeds) {
      if ('client' in deed) events.push({ kind: 'action', timeNs: deed.atNs, who: deed.client, what: deed.kind });
      if (deed.kind === 'send') {
        events.push({ kind: 'segment', timeNs: deed.atNs, from: deed.client, to: 'server', flags: 'PSH ACK', bytes: deed.text.length, text: deed.text });
      }
      if (play.model === 'nonblocking') {
        for (; now < deed.atNs; now += 1000)
          events.push({ kind: 'call', lane: 0, name: 'sock_recv', inputs: 'fd=5', answer: 'AGAIN', startNs: now, endNs: now + 1000, phase: 'wait', blocked: false });
      } else
        events.push({ kind: 'call', lane: 0, name: blocking ? 'sock_recv' : 'poll_oneoff', inputs: 'fd=5', answer: 'SUCCESS n=1', startNs: now, endNs: deed.atNs + 1000, phase: 'wait', blocked: true, connection: 'A',
          steps: [{ timeNs: now, connection: 'A', event: 'BEGIN', from: 'IDLE', to: 'WAITING' }, { timeNs: deed.atNs, connection: 'A', event: 'READY', from: 'WAITING', to: 'RECEIVING' }] });
      now = Math.max(now, deed.atNs + 1000);
      if (!blocking)
        events.push({ kind: 'call', lane: 0, name: 'sock_recv', inputs: 'fd=5', answer: 'SUCCESS nread=5', startNs: now, endNs: now + 1000, phase: 'copy', blocked: false, connection: 'A', steps: [{ timeNs: now, connection: 'A', event: 'COPIED', from: 'RECEIVING', to: 'IDLE' }] });
      now += blocking ? 0 : 1000;
      events.push({ kind: 'call', lane: 0, name: 'sock_send', inputs: 'fd=5', answer: 'SUCCESS nwritten=5', startNs: now, endNs: now + 1000, phase: 'none', blocked: false });
      now += 1000;
    }
    const t = (e: Taken) => e.kind === 'call' ? e.startNs : e.timeNs;
    return { kernel: `sim ${play.model}, seed ${play.seed}`, lanes: ['server'], events: events.sort((a, b) => t(a) - t(b)), endNs: now };
  }
  async replay(): Promise<Take> { throw new Error('not yet'); }
  async transcript(): Promise<Take> { throw new Error('not yet'); }
}
