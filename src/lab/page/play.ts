/** Checks a play, which may come from anywhere: a link, a form. */
import { UsageError } from '../../../host/kernel/error.js';
import { machineNames, type MachineName } from '../../machine.js';
import type { Deed, Play } from './take.js';

/** The server's machine is no model of I/O. */
export const playedModels: readonly MachineName[] = machineNames.filter(
  (name) => name !== 'server',
);
export const languages = ['c', 'assemblyscript'] as const;

/** A minute: what one plays by hand is over long before. */
const MOST_NS = 60e9;
export const MOST_SEED = 2 ** 32 - 1;
export const MOST_DEEDS = 500;
const MOST_TEXT = 65536;
const MOST_PIECES = 32;
const LONGEST_NAME = 32;

const clientDeeds = ['connect', 'send', 'stop reading', 'read on', 'half-close', 'reset'];
const faultDeeds = ['EINTR', 'EAGAIN'];

const isWhole = (value: unknown, most: number, least = 0): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

/** Throws `UsageError` for what is no play. */
export function checkPlay({ model, language, seed, deeds }: Play): MachineName {
  if (!playedModels.includes(model as MachineName))
    throw new UsageError(`"${model}" is no model: choose ${playedModels.join(', ')}`);
  if (!languages.includes(language))
    throw new UsageError(`"${language}" is no language: choose ${languages.join(' or ')}`);
  if (!isWhole(seed, MOST_SEED))
    throw new UsageError(`the seed ${seed} is no whole number from 0 to ${MOST_SEED}`);
  if (!Array.isArray(deeds) || deeds.length > MOST_DEEDS)
    throw new UsageError(`a play has a list of at most ${MOST_DEEDS} deeds`);
  deeds.forEach(checkDeed);
  return model as MachineName;
}

function checkDeed(deed: Deed): void {
  const { kind, atNs } = deed;
  if (!clientDeeds.includes(kind) && !faultDeeds.includes(kind)) {
    const all = [...clientDeeds, ...faultDeeds].join(', ');
    throw new UsageError(`"${kind}" is nothing that can be done: choose ${all}`);
  }
  if (!isWhole(atNs, MOST_NS))
    throw new UsageError(`a deed is at ${atNs} ns: write a whole number from 0 to ${MOST_NS}`);
  if (!('client' in deed)) {
    if (faultDeeds.includes(kind)) return;
    throw new UsageError(`"${kind}" is done by a client: name it`);
  }
  const { client } = deed;
  if (typeof client !== 'string' || client === '' || client.length > LONGEST_NAME)
    throw new UsageError(`a client has a name of 1 to ${LONGEST_NAME} characters`);
  if (deed.kind !== 'send') return;
  if (typeof deed.text !== 'string' || deed.text === '' || deed.text.length > MOST_TEXT)
    throw new UsageError(`what "${client}" sends is a text of 1 to ${MOST_TEXT} characters`);
  if (!isWhole(deed.pieces, MOST_PIECES, 1))
    throw new UsageError(`"${client}" sends in 1 to ${MOST_PIECES} pieces, and not ${deed.pieces}`);
}
