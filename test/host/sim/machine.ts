/** A machine with a disk, for tests: it may crash and go on, and each choice is the test's. */
import { Disk, type Tree } from '#host/sim/disk';
import { decisions, decisionOf } from '#host/sim/fault';
import { World } from '#host/sim/world';
import { expect } from 'vitest';

import { CREATE, FileHand, FOLLOW, READ, TRUNCATE, WRITE } from '../../file-hand.js';

/** Opens a file anew. */
export const NEW = WRITE | CREATE | TRUNCATE | FOLLOW;
export const PAGE_BYTES = 4096;
export const MIB = 1 << 20;

/** What each choice is; undefined: benign. */
export type Chooser = (label: string, alternatives: number) => number | undefined;

/** A machine with a disk, which may crash and go on. */
export class Machine {
  choose: Chooser = () => undefined;
  readonly world = new World({
    choices: {
      choose: (label, alternatives) => {
        expect(decisions, label).toHaveProperty([decisionOf(label)]);
        const value = this.choose(label, alternatives) ?? 0;
        return Math.min(value, alternatives - 1);
      },
    },
  });
  readonly disk: Disk;
  hand: FileHand;

  constructor(tree: Tree = {}, bytes?: number) {
    this.disk = new Disk(this.world, 'host', bytes);
    this.disk.load('/d', tree);
    this.hand = this.#boot();
  }

  #boot(): FileHand {
    const kernel = this.world.kernel({ host: 'host', disk: this.disk });
    return new FileHand(kernel, kernel.files.openRoot('/d'));
  }

  /** The process dies, and with it, as `choose` has it, what its machine had not synced. */
  crash(choose?: Chooser): void {
    this.hand.kernel.dispose();
    this.choose = choose ?? (() => undefined);
    if (choose !== undefined) this.disk.crash();
    this.choose = () => undefined;
    this.hand = this.#boot();
  }

  sync(path: string): number {
    const handle = this.hand.opened(path, READ);
    const result = this.hand.kernel.files.sync(handle);
    this.hand.kernel.close(handle);
    return result;
  }

  text(path: string): string | undefined {
    const bytes = this.disk.read(`/d/${path}`);
    return bytes && new TextDecoder().decode(bytes);
  }

  names(path = ''): string[] | undefined {
    return this.disk.list(`/d${path}`);
  }
}

/** Chooses so where a label ends so. */
export const where =
  (...rules: [end: string, value: number][]): Chooser =>
  (label) =>
    rules.find(([end]) => label.endsWith(end))?.[1];
/** All that can be lost is lost. */
export const everything: Chooser = (label) => (label.endsWith(' lost') ? 1 : undefined);
