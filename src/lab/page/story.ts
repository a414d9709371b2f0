/** What happens at a moment and why, in one sentence of the page's language. */
import { amountOf } from './count.js';
import type { Texts } from './english.js';
import { kindOf } from './imports.js';
import type { Moment } from './moment.js';
import type { TakenCall, TakenSegment } from './take.js';

function answered(texts: Texts['story']['answered'], call: TakenCall): string {
  const { name } = call;
  const errno = call.answer.split(' ', 1)[0]!;
  if (errno === 'AGAIN' || errno === 'INTR') return texts[errno](name);
  if (errno !== 'SUCCESS') return texts.failed(name, errno);
  const amount = amountOf(call) ?? 0;
  const kind = kindOf(name);
  switch (kind) {
    case 'receive':
      return amount === 0 ? texts.ended(name) : texts.received(name, amount);
    case 'send':
      return texts.sent(name, amount);
    case 'poll':
    case 'wait':
      return amount === 0 ? texts.idle(name) : texts.ready(name, amount);
    case 'take signals':
      return amount === 0 ? texts.idle(name) : texts.signalled(name, amount);
    case 'submit':
      return texts.submit(name, amount);
    case 'reap':
      return amount === 0 ? texts.idle(name) : texts.reaped(name, amount);
    case undefined:
    case 'yield':
      return texts.other(name);
    default:
      return texts[kind](name);
  }
}

function sleeps(texts: Texts['story']['sleeps'], { name }: TakenCall): string {
  const called = kindOf(name);
  const kind = called === 'wait' ? 'poll' : called;
  if (kind === undefined || !(kind in texts)) return texts.other(name);
  return texts[kind as keyof typeof texts](name);
}

function sent(texts: Texts['story']['segment'], segment: TakenSegment): string {
  const { from, to, flags, bytes, text } = segment;
  if (bytes > 0) return texts.data(from, to, bytes, text);
  if (flags.includes('RST')) return texts.RST(from, to);
  if (flags.includes('FIN')) return texts.FIN(from, to);
  if (flags.includes('SYN')) return texts[flags.includes('ACK') ? 'SYN ACK' : 'SYN'](from, to);
  return texts.ACK(from, to);
}

export function storyOf(texts: Texts, { event, part }: Moment): string {
  if (event.kind === 'segment') return sent(texts.story.segment, event);
  if (event.kind === 'action') return texts.story.action(event.who, event.what);
  return part === 'sleeps'
    ? sleeps(texts.story.sleeps, event)
    : answered(texts.story.answered, event);
}
