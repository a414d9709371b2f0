/** Reads what a call of a guest's has in the guest's memory, in the layouts of the ABI. */
import type { Call } from '../../simulate/instrument.js';

const SUBSCRIPTION_BYTES = 48;
const POLLED_BYTES = 32;
const EPOLL_EVENT_BYTES = 16;
const SIGNAL_BYTES = 8;
const OPERATION_BYTES = 32;
const COMPLETION_BYTES = 24;
const IOVEC_BYTES = 8;
/** The tags of a subscription, and the types of its event. */
const FD_READ = 1;
const FD_WRITE = 2;
const HANGUP = 1;

export const Opcode = { ACCEPT: 1, RECV: 2, CLOSE: 4 } as const;

/** A call, and the memory of its guest when it was over. */
export class Layout {
  readonly #call: Call;
  readonly #view: DataView;

  constructor(call: Call, memory: Uint8Array) {
    this.#call = call;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  input(name: string): number {
    return Number(this.#call.inputs.find(([each]) => each === name)?.[1] ?? -1);
  }

  /** What it answered by that name, or 0. */
  output(name: string): number {
    return Number(this.#call.outputs.find(([each]) => each === name)?.[1] ?? 0);
  }

  /** The bytes that there was room for. */
  get room(): number {
    return this.#records('ri_data', this.input('ri_data_len'), IOVEC_BYTES).reduce(
      (sum, at) => sum + this.#view.getUint32(at + 4, true),
      0,
    );
  }

  /** The descriptors that a poll asks of whether something can be received. */
  get readers(): number[] {
    return this.#subscriptions.filter(({ tag }) => tag === FD_READ).map(({ fd }) => fd);
  }

  /** Those of them for which it said so; undefined: only a time is over. */
  get readable(): Set<number> | undefined {
    const subscriptions = this.#subscriptions;
    let told = false;
    const fds = new Set<number>();
    for (const at of this.#records('out', this.output('nevents'), POLLED_BYTES)) {
      const type = this.#view.getUint8(at + 10);
      told ||= type === FD_READ || type === FD_WRITE;
      const hangup = (this.#view.getUint16(at + 24, true) & HANGUP) !== 0;
      if (type !== FD_READ && !(type === FD_WRITE && hangup)) continue;
      const userdata = this.#view.getBigUint64(at, true);
      for (const each of subscriptions)
        if (each.userdata === userdata && each.tag === type) fds.add(each.fd);
    }
    return told ? fds : undefined;
  }

  get #subscriptions(): { userdata: bigint; tag: number; fd: number }[] {
    return this.#records('in', this.input('nsubs'), SUBSCRIPTION_BYTES).map((at) => ({
      userdata: this.#view.getBigUint64(at, true),
      tag: this.#view.getUint8(at + 8),
      fd: this.#view.getUint32(at + 16, true),
    }));
  }

  /** The events that a descriptor is registered for; 0: it is no more. */
  get interest(): number {
    const at = this.input('event');
    return at > 0 ? this.#view.getUint32(at, true) : 0;
  }

  get epollEvents(): { events: number; fd: number }[] {
    return this.#records('events', this.output('count'), EPOLL_EVENT_BYTES).map((at) => ({
      events: this.#view.getUint32(at, true),
      fd: Number(this.#view.getBigUint64(at + 8, true)),
    }));
  }

  /** The descriptors that signals were taken of. */
  get signals(): number[] {
    return this.#records('signals', this.output('count'), SIGNAL_BYTES).map((at) =>
      this.#view.getInt32(at, true),
    );
  }

  /** The operations that were taken. */
  get operations(): { userdata: bigint; opcode: number; fd: number }[] {
    return this.#records('operations', this.output('accepted'), OPERATION_BYTES).map((at) => ({
      userdata: this.#view.getBigUint64(at, true),
      opcode: this.#view.getUint8(at + 8),
      fd: this.#view.getInt32(at + 12, true),
    }));
  }

  get completions(): { userdata: bigint; result: number; more: boolean; opcode: number }[] {
    return this.#records('completions', this.output('count'), COMPLETION_BYTES).map((at) => ({
      userdata: this.#view.getBigUint64(at, true),
      result: this.#view.getInt32(at + 8, true),
      more: (this.#view.getUint8(at + 12) & 1) !== 0,
      opcode: this.#view.getUint8(at + 13),
    }));
  }

  /** Where the records of a list begin, as far as they lie in memory. */
  #records(name: string, count: number, bytes: number): number[] {
    const at = this.input(name) >>> 0;
    const fit = Math.max(0, Math.floor((this.#view.byteLength - at) / bytes));
    return Array.from({ length: Math.max(0, Math.min(count, fit)) }, (_, i) => at + i * bytes);
  }
}
