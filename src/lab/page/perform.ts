/**
 * Performs a play: runs it whole, on the simulated kernel, with the guest that serves real clients.
 * It is a function of its arguments, in Node as in a browser.
 */
import { decisionOf } from '../../../host/sim/fault.js';
import { guestOf } from '../../admission.js';
import type { Guest } from '../../guest.js';
import { run } from '../../simulate/run.js';
import { ADDRESS, clientsOf, KEEPER } from './clients.js';
import { checkPlay } from './play.js';
import type { Deed, Play, Take } from './take.js';
import { Taking } from './taking.js';

const EAGAIN_CHOSEN = 1;

/** By their bytes: a guest is rewritten and compiled once. */
const guests = new WeakMap<Uint8Array, Guest>();

/** Throws `UsageError` for what is no guest. */
export function guestOfBytes(name: string, bytes: Uint8Array): Guest {
  let guest = guests.get(bytes);
  if (guest === undefined) {
    const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    guests.set(bytes, (guest = guestOf(name, module, bytes)));
  }
  return guest;
}

/** `echo-epoll.as.wasm`: the guest of a play. */
export const guestName = ({ model, language }: Pick<Play, 'model' | 'language'>): string =>
  `echo-${model}${language === 'c' ? '' : '.as'}.wasm`;

/** Throws `UsageError` for what is no play. */
export function perform(play: Play, bytes: Uint8Array): Take {
  const model = checkPlay(play);
  const { seed, deeds } = play;
  const taking = new Taking(model);
  const refusals = deeds.filter(({ kind }) => kind === 'EAGAIN').toSorted(byTime);
  const options = taking.options((label, alternatives, nowNs) => {
    // Small buffers, so that it soon shows when somebody stops reading.
    if (decisionOf(label) === 'window') return alternatives - 1;
    if (!label.endsWith('.server/eagain')) return undefined;
    if (!(refusals[0] && refusals[0].atNs <= nowNs)) return undefined;
    refusals.shift();
    taking.action({ timeNs: nowNs, who: KEEPER, what: 'EAGAIN', deed: 'EAGAIN' });
    return EAGAIN_CHOSEN;
  });
  const simulated = run(guestOfBytes(guestName(play), bytes), {
    ...options,
    seed,
    profile: seed === 0 ? 'calm' : 'linux',
    listen: [ADDRESS],
    world: clientsOf(deeds, seed === 0, (action) => taking.action(action)),
  });
  const vain = [
    ...refusals.map(() => 'EAGAIN' as const),
    ...deeds.flatMap(({ kind, atNs }) =>
      kind === 'EINTR' && !taking.answered('INTR', atNs) ? [kind] : [],
    ),
  ];
  return taking.take(
    `sim ${play.model}, seed ${seed}`,
    model,
    simulated,
    vain.map((deed) => ({ who: KEEPER, what: `${deed}: ${reasons[deed]}`, deed })),
  );
}

const reasons = {
  EAGAIN: 'no call could be refused',
  EINTR: 'no call could be interrupted',
} as const;

const byTime = (one: Deed, other: Deed): number => one.atNs - other.atNs;
