/** What a guest must be for its runs to be repeated; each guest is looked at once. */
import { UsageError } from '../../host/kernel/error.js';
import type { Guest } from '../guest.js';
import { refuseUnrepeatable } from './opcode.js';

const checked = new WeakSet<Guest>();

/** Throws `UsageError`, which names what the simulator cannot do. */
export function checkRepeatable(guest: Guest): void {
  if (checked.has(guest)) return;
  if (guest.kind !== 'command') {
    throw new UsageError(
      `${guest.name} is a reactor, which lives in Node's event loop: the simulator runs commands`,
    );
  }
  if (guest.bytes === undefined) {
    throw new UsageError(
      `the simulator must look into the bytes of ${guest.name}: load it from a file or its bytes`,
    );
  }
  refuseUnrepeatable(guest.name, guest.bytes);
  checked.add(guest);
}
