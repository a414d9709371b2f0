/**
 * Ends of a simulated run that are nobody's answer: the guest can go on no more, or never stops.
 */

/** Something waits for ever, for nothing is left that could happen. */
export class Deadlock extends Error {
  override readonly name = 'Deadlock';
}

/** A guest calls and calls, and nothing happens in the world. */
export class Livelock extends Error {
  override readonly name = 'Livelock';
}
