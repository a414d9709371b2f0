/** What happens at a moment and why, in one sentence of the page's language. */
import { decisions } from '../../../host/sim/fault.js';
import { amountOf } from './count.js';
import type { Texts } from './english.js';
import { isExit, kindOf } from './imports.js';
import type { Moment } from './moment.js';
import {
  CHANCE,
  type Deed,
  type Take,
  type TakenAction,
  type TakenCall,
  type TakenSegment,
} from './take.js';
import { wordsOf } from './world-view.js';

function answered(texts: Texts['story']['answered'], call: TakenCall): string {
  const { name } = call;
  const errno = call.answer.split(' ', 1)[0]!;
  if (errno === 'INTR') return texts.INTR(name);
  if (errno === 'AGAIN') return again(texts.AGAIN, name);
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
      return texts.other(name);
    default:
      return texts[kind](name);
  }
}

function again(texts: Texts['story']['answered']['AGAIN'], name: string): string {
  const kind = kindOf(name);
  return (kind === 'accept' || kind === 'send' ? texts[kind] : texts.receive)(name);
}

function sleeps(texts: Texts['story']['sleeps'], { name }: TakenCall): string {
  if (isExit(name)) return texts.exit(name);
  const called = kindOf(name);
  const kind = called === 'wait' ? 'poll' : called;
  if (kind === undefined || !(kind in texts)) return texts.other(name);
  return texts[kind as keyof typeof texts](name);
}

const SERVER = 'server';

function sent({ segment: texts, server }: Texts['story'], segment: TakenSegment): string {
  const { flags, bytes, text } = segment;
  const [from, to] = [segment.from, segment.to].map((each) => (each === SERVER ? server : each));
  if (bytes > 0 && segment.from === SERVER) return texts.leaves(to!, bytes, text);
  if (bytes > 0) return texts.arrives(from!, bytes, text);
  if (flags.includes('RST')) return texts.RST(from!, to!);
  if (flags.includes('FIN')) return texts.FIN(from!, to!);
  if (flags.includes('SYN')) return texts[flags.includes('ACK') ? 'SYN ACK' : 'SYN'](from!, to!);
  return texts.ACK(from!, to!);
}

/** Begins with a capital; and between two characters of Chinese there is no space. */
const sentence = (words: string) =>
  (words.charAt(0).toUpperCase() + words.slice(1)).replaceAll(
    /(?<=\p{Script=Han}) (?=\p{Script=Han})/gu,
    '',
  );

/** The deed that an action comes of: it was done then, or is done as soon as could be. */
function deedOf({ deed, who, timeNs }: TakenAction, deeds: readonly Deed[]): Deed | undefined {
  return deeds
    .filter(({ kind, atNs }) => kind === deed && atNs <= timeNs)
    .findLast((each) => !('client' in each) || each.client === who);
}

/** What the worker says, in the page's language, or as it says it. */
const said = ({ story }: Texts, words: string): string =>
  Object.entries(story.said).find(([each]) => each === words)?.[1] ?? words;

/** `net/1.server: a link was slow`: to whom it happened stays as it is. */
function happened({ story }: Texts, what: string): string {
  const at = what.lastIndexOf(': ') + 2;
  const words = what.slice(at === 1 ? 0 : at);
  const [decision] = Object.entries(decisions).find(([, each]) => each.words === words) ?? [];
  return what.slice(0, what.length - words.length) + (story.chances[decision ?? ''] ?? words);
}

/** Why nothing came of it. */
const why = (texts: Texts, { what }: TakenAction) => said(texts, what.split(': ').at(-1)!);

function done(texts: Texts, action: TakenAction, deeds: readonly Deed[]): string {
  const { story } = texts;
  const deed = deedOf(action, deeds);
  if (!deed) return story.action(action.who, action.what);
  const words = wordsOf(texts, deed);
  return action.vain ? story.vain(words, why(texts, action)) : story.deed(words);
}

/** The same take, whose actions are told in the page's language. */
export function translated(texts: Texts, take: Take, deeds: readonly Deed[]): Take {
  const events = take.events.map((event) => {
    if (event.kind !== 'action') return event;
    const deed = deedOf(event, deeds);
    if (event.who === CHANCE)
      return { ...event, who: texts.story.chance, what: happened(texts, event.what) };
    if (!deed) return { ...event, what: said(texts, event.what) };
    const words = wordsOf(texts, 'client' in deed ? { ...deed, client: '' } : deed).trim();
    return { ...event, what: event.vain ? `${words}: ${why(texts, event)}` : words };
  });
  return { ...take, events };
}

export function storyOf(texts: Texts, { event, part }: Moment, deeds: readonly Deed[]): string {
  if (event.kind === 'segment') return sentence(sent(texts.story, event));
  if (event.kind === 'action') return done(texts, event, deeds);
  return part === 'sleeps'
    ? sleeps(texts.story.sleeps, event)
    : answered(texts.story.answered, event);
}
