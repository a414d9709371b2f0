/** Module `pollux` as tests speak it, over the rig of preview1. */
import { Readiness } from '#host/kernel/readiness';
import { Rig, rigged, type RigOptions } from '../wasi/rig.js';

export const { IN, PRI, OUT, ERR, HUP, RDHUP, EXCLUSIVE } = Readiness;
export const ONESHOT = 1 << 30;
export const EDGE = 1 << 31;
export const ADD = 1;
export const DEL = 2;
export const MOD = 3;

/** Where events go; the rest lies below. */
const AT = { event: 2048, count: 2080, list: 1 << 20 } as const;
const SECOND = 1_000_000_000n;

/** The data of an event, and its mask. */
export type Told = [data: bigint, events: number];

/** A guest with an interest set. */
export class Guest {
  readonly rig: Rig;
  readonly epfd: number;

  constructor(rig: Rig) {
    this.rig = rig;
    this.epfd = this.create();
  }

  /** epoll_create: the descriptor, or the errno, negated. */
  create(): number {
    const errno = this.rig.call('epoll_create', AT.count);
    return errno === 0 ? this.rig.view.getUint32(AT.count, true) : -errno;
  }

  /** epoll_ctl: the errno. */
  control(operation: number, fd: number, events = 0, data = BigInt(fd), epfd = this.epfd): number {
    this.rig.view.setUint32(AT.event, events, true);
    this.rig.view.setBigUint64(AT.event + 8, data, true);
    return this.rig.call('epoll_ctl', epfd, operation, fd, AT.event);
  }

  add(fd: number, events: number, data = BigInt(fd), epfd = this.epfd): void {
    const errno = this.control(ADD, fd, events, data, epfd);
    if (errno !== 0) throw new Error(`epoll_ctl answered ${errno}`);
  }

  /** epoll_wait: data and mask of each event. */
  wait(timeoutNs = 0n, most = 64, epfd = this.epfd): Told[] {
    this.rig.bytes.fill(0xee, AT.list, AT.list + (most + 1) * 16);
    const errno = this.rig.call('epoll_wait', epfd, AT.list, most, timeoutNs, AT.count);
    if (errno !== 0) throw new Error(`epoll_wait answered ${errno}`);
    const { view } = this.rig;
    return Array.from({ length: view.getUint32(AT.count, true) }, (_, i) => [
      view.getBigUint64(AT.list + i * 16 + 8, true),
      view.getUint32(AT.list + i * 16, true),
    ]);
  }

  /** The events of a set that comes to have some within a second. */
  soon(most = 64, epfd = this.epfd): Told[] {
    return this.wait(SECOND, most, epfd);
  }

  /** Waits until the kernel has it that `fd` is ready for all of `mask`. */
  until(fd: number, mask: number): void {
    const { handle } = this.rig.descriptors.get(fd)!;
    for (let i = 0; i < 1000; i++)
      if ((this.rig.kernel.waitFor(handle, mask, 1e6) & mask) === mask) return;
    throw new Error(`${fd} is not ready for ${mask}`);
  }

  /** signal_wait: descriptor and band of each. */
  signals(timeoutNs = 0n, most = 64): [fd: number, band: number][] {
    const errno = this.rig.call('signal_wait', AT.list, most, timeoutNs, AT.count);
    if (errno !== 0) throw new Error(`signal_wait answered ${errno}`);
    const { view } = this.rig;
    return Array.from({ length: view.getUint32(AT.count, true) }, (_, i) => [
      view.getInt32(AT.list + i * 8, true),
      view.getUint32(AT.list + i * 8 + 4, true),
    ]);
  }
}

/** A guest for the test that runs now. */
export function guest(options: RigOptions = {}): Guest {
  return new Guest(rigged(options));
}
