/**
 * What becomes of operations in flight: each begins, or stands in line; it goes on, is cancelled,
 * ends. As io_uring does, the kernel tries an operation when it is started, and again when it was
 * told that it may go on and the guest submits or reaps; nothing runs beside the guest. How it is
 * submitted and told is completion.ts's matter.
 */
import { Opcode, RECV_BYTES } from '../kernel/completion.js';
import { Errno } from '../kernel/errno.js';
import type { File } from './file.js';
import { Retired } from './inert.js';
import { Iovecs } from './iovec.js';
import { Channel, Operation, Stage, startedOf, type Line, type Notified } from './operation.js';
import { END_OF_TIME_NS } from './scheduler.js';
import type { SimKernel } from './sim-kernel.js';

export const MOST_OPERATIONS = 1 << 17;
/** One SEND takes no more; the guest sends the rest. */
export const MOST_SEND_BYTES = 65536;
/** Of all SENDs together. */
export const MOST_BYTES_IN_FLIGHT = 64 << 20;
/** Buffers that may hold what was received and not yet reaped. */
const MOST_BUFFERS = 1024;
/** Of so many completions, any may be told next. */
const MOST_OVERTAKEN = 8;

export class Flight implements Notified {
  bytesInFlight = 0;
  readonly #kernel: SimKernel;
  readonly #labels: { order: string; late: string; cancel: string; turn: string };
  readonly #channels: (Channel | undefined)[] = [];
  /** All that were ever needed at once; the FREE ones are in `#free` too. */
  readonly #operations: Operation[] = [];
  readonly #free: Operation[] = [];
  /** What is over, oldest first, from `#doneFirst` on. */
  #done: (Operation | undefined)[] = [];
  #doneFirst = 0;
  /** Channels on which something may go on. */
  #notified: Channel[] = [];
  readonly #buffers: Uint8Array[] = [];
  #lent = 0;
  readonly #iovecs = new Iovecs();

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
    const prefix = `${kernel.host}/completions`;
    this.#labels = {
      order: `${prefix}/order`,
      late: `${prefix}/cancel too late`,
      cancel: `${prefix}/cancel first`,
      turn: `${prefix}/turn`,
    };
  }

  /** How many are over, or may go on. */
  get stirring(): number {
    return this.over + this.#notified.length;
  }

  /** How many are over. */
  get over(): number {
    return this.#done.length - this.#doneFirst;
  }

  get handles(): number[] {
    return this.#channels.flatMap((channel) => (channel?.operations ? [channel.handle] : []));
  }

  /** A new operation, or undefined: there are too many. */
  take(opcode: number): Operation | undefined {
    let operation = this.#free.pop();
    if (operation === undefined) {
      if (this.#operations.length === MOST_OPERATIONS) return undefined;
      operation = new Operation();
      this.#operations.push(operation);
    }
    operation.opcode = opcode;
    operation.stage = Stage.WAITING;
    return operation;
  }

  /** Of an open handle, and undefined of any other. */
  channel(handle: number): Channel | undefined {
    const known = this.#channels[handle];
    if (known !== undefined) return known.closing ? undefined : known;
    const file = this.#kernel.file(handle);
    if (file === undefined) return undefined;
    return (this.#channels[handle] = new Channel(this, handle, file));
  }

  /** It is over, with what was known without the kernel. */
  settle(operation: Operation, result: number): void {
    operation.stage = Stage.SETTLED;
    operation.result = result;
    this.#done.push(operation);
  }

  #finished(operation: Operation, result: number): void {
    operation.stage = Stage.DONE;
    operation.result = result;
    this.#done.push(operation);
  }

  begin(operation: Operation): void {
    const { channel } = operation;
    if (channel !== undefined) {
      channel.operations++;
      if (!channel.line(operation).join(operation)) {
        this.#copy(operation);
        return;
      }
    }
    this.#start(operation);
  }

  /** The bytes of a SEND are the guest's only until submit is over. */
  #copy(operation: Operation): void {
    if (operation.opcode !== Opcode.SEND || operation.bytes !== undefined) return;
    const { from, length } = operation;
    operation.bytes = this.#kernel.bytes.slice(from, from + length);
    operation.from = 0;
  }

  #start(operation: Operation): void {
    const { channel, opcode } = operation;
    if (channel === undefined) {
      this.#startTimer(operation);
    } else if (opcode === Opcode.ACCEPT && channel.parked.length > 0) {
      operation.connection = channel.parked.shift();
      this.settle(operation, 0);
    } else if (opcode === Opcode.ACCEPT && channel.file instanceof Retired) {
      operation.stage = Stage.WAITING;
    } else {
      operation.stage = Stage.STARTED;
      this.#try(operation, channel);
    }
  }

  #startTimer(operation: Operation): void {
    const ns = operation.from;
    operation.stage = Stage.STARTED;
    if (ns === 0) {
      this.#finished(operation, -Errno.ETIMEDOUT);
    } else if (ns < END_OF_TIME_NS) {
      operation.timer = this.#kernel.world.scheduler.after(ns, () => {
        operation.timer = undefined;
        this.#finished(operation, -Errno.ETIMEDOUT);
      });
    }
  }

  // ---- the kernel's part

  notify(channel: Channel): void {
    channel.notified = true;
    this.#notified.push(channel);
  }

  /** Does what has become possible. */
  goOn(): void {
    if (this.#notified.length === 0) return;
    const notified = this.#notified;
    this.#notified = [];
    for (const channel of notified) {
      channel.notified = false;
      this.#goOnIn(channel, channel.inward);
      this.#goOnIn(channel, channel.outward);
    }
  }

  #goOnIn(channel: Channel, line: Line): void {
    if (startedOf(line)?.opcode === Opcode.RECV && line.first!.next !== undefined) {
      // io_uring keeps no order among those that wait for the same bytes.
      const place = this.#kernel.world.choices.choose(this.#labels.turn, line.length);
      if (place > 0) line.prefer(place);
    }
    const operation = startedOf(line);
    if (operation !== undefined) this.#try(operation, channel);
  }

  /** Does an operation, unless it would have to wait. */
  #try(operation: Operation, channel: Channel): void {
    const { file } = channel;
    let result: number;
    if (operation.opcode === Opcode.ACCEPT) {
      const accepted = file.accept();
      if (typeof accepted === 'number') {
        result = accepted;
      } else {
        operation.connection = accepted;
        result = 0;
      }
    } else if (operation.opcode === Opcode.RECV) {
      if (this.#lent === MOST_BUFFERS) {
        if (!channel.notified) this.notify(channel);
        return;
      }
      result = this.#recv(operation, file);
    } else {
      const bytes = operation.bytes ?? this.#kernel.bytes;
      result = file.send(this.#iovecs.one(bytes, operation.from, operation.length));
    }
    if (result !== -Errno.EAGAIN) {
      this.#finished(operation, result);
      return;
    }
    this.#copy(operation);
    file.poll(); // to be woken, one must have asked
  }

  #recv(operation: Operation, file: File): number {
    const { length } = operation;
    const most = length === 0 || length > RECV_BYTES ? RECV_BYTES : length;
    const buffer = this.#buffers.pop() ?? new Uint8Array(RECV_BYTES);
    const result = file.recv(this.#iovecs.one(buffer, 0, most), 0);
    if (result > 0) {
      operation.bytes = buffer;
      this.#lent++;
    } else {
      this.#buffers.push(buffer);
    }
    return result;
  }

  // ---- what is over

  /** Which of what is over is to be told next: how many others it overtakes. */
  overtakes(): number {
    const { over } = this;
    if (over < 2) return 0;
    const among = Math.min(over, MOST_OVERTAKEN);
    return this.#kernel.world.choices.choose(this.#labels.order, among);
  }

  /** What is over, and overtakes so many others. */
  peek(overtaken: number): Operation {
    return this.#done[this.#doneFirst + overtaken]!;
  }

  /** Takes what `peek` showed from among what is over. */
  pull(overtaken: number): void {
    const done = this.#done;
    const first = this.#doneFirst;
    if (overtaken > 0) done.copyWithin(first + 1, first, first + overtaken);
    done[first] = undefined;
    this.#doneFirst = first + 1;
    if (this.#doneFirst === done.length) {
      this.#done.length = 0;
      this.#doneFirst = 0;
    } else if (this.#doneFirst > 1024 && this.#doneFirst * 2 > done.length) {
      this.#done = done.slice(this.#doneFirst);
      this.#doneFirst = 0;
    }
  }

  /** What was received was copied to the guest. */
  giveBack(operation: Operation): void {
    this.#buffers.push(operation.bytes!);
    operation.bytes = undefined;
    this.#lent--;
  }

  /** An operation that was told of goes on. */
  again(operation: Operation): void {
    if (operation.canceller === undefined) this.#start(operation);
    else this.settle(operation, -Errno.ECANCELED);
  }

  /** An operation that was told of has ended. */
  finish(operation: Operation, result: number): void {
    const { canceller, channel } = operation;
    if (canceller !== undefined)
      this.settle(canceller, result === -Errno.ECANCELED ? 0 : -Errno.ENOENT);
    if (channel !== undefined) {
      this.#leave(operation, channel);
      if (--channel.operations === 0 && channel.closing) {
        this.#forget(channel);
        this.#kernel.free(channel.handle, channel.file);
      }
    }
    if (operation.opcode === Opcode.SEND && channel !== undefined)
      this.bytesInFlight -= operation.length;
    operation.stage = Stage.FREE;
    operation.channel = operation.bytes = operation.canceller = operation.next = undefined;
    operation.multishot = false;
    this.#free.push(operation);
  }

  /** The next in line is started if it was the first. */
  #leave(operation: Operation, channel: Channel): void {
    const line = channel.line(operation);
    if (line.leave(operation) && line.first !== undefined) this.#start(line.first);
  }

  // ---- cancelling

  cancel(canceller: Operation, userdataLow: number, userdataHigh: number): void {
    const target = this.#operations.find(
      (each) =>
        each.userdataLow === userdataLow && each.userdataHigh === userdataHigh && cancellable(each),
    );
    if (target === undefined) {
      this.settle(canceller, -Errno.ENOENT);
      return;
    }
    target.canceller = canceller;
    if (target.stage === Stage.WAITING) {
      this.#leave(target, target.channel!);
    } else if (target.stage === Stage.STARTED) {
      if (this.#tooLate(target)) return;
      if (target.timer !== undefined) this.#kernel.world.scheduler.cancel(target.timer);
      target.timer = undefined;
    } else {
      return; // it ends when its completion is taken
    }
    if (this.#kernel.world.choices.choose(this.#labels.cancel, 2) === 1) {
      target.canceller = undefined;
      this.settle(canceller, 0);
    }
    this.settle(target, -Errno.ECANCELED);
  }

  /** What may go on already can do so before it is cancelled. */
  #tooLate(target: Operation): boolean {
    const { channel } = target;
    if (!channel?.notified) return false;
    if (this.#kernel.world.choices.choose(this.#labels.late, 2) === 0) return false;
    this.#try(target, channel);
    return target.stage !== Stage.STARTED;
  }

  // ---- handles

  /** A handle is closed: false if it may be now; or else it is freed when nothing is in flight. */
  holds(handle: number): boolean {
    const channel = this.#channels[handle];
    if (channel === undefined) return false;
    channel.closing = channel.operations > 0;
    if (!channel.closing) this.#forget(channel);
    return channel.closing;
  }

  /** A listener is out of service: `inert` stands in its place. */
  retire(handle: number, inert: Retired): void {
    const channel = this.#channels[handle];
    if (channel === undefined) return;
    channel.file.unwatch(channel);
    channel.file = inert;
    const accepting = startedOf(channel.inward);
    if (accepting !== undefined) accepting.stage = Stage.WAITING;
  }

  #forget(channel: Channel): void {
    channel.end();
    this.#channels[channel.handle] = undefined;
  }

  /** Ends all that is in flight. */
  close(): void {
    for (const { timer, connection } of this.#operations) {
      if (timer !== undefined) this.#kernel.world.scheduler.cancel(timer);
      connection?.release();
    }
    for (const channel of this.#channels) {
      if (channel === undefined) continue;
      this.#forget(channel);
      if (channel.closing) this.#kernel.free(channel.handle, channel.file);
    }
    this.#operations.length = this.#free.length = this.#done.length = this.#doneFirst = 0;
    this.#notified.length = this.#buffers.length = 0;
  }
}

function cancellable({ opcode, canceller, stage, multishot, result }: Operation): boolean {
  if (opcode === Opcode.CANCEL || canceller !== undefined || stage === Stage.FREE) return false;
  // Settled, it goes on only as a listener does that gives out what was parked.
  if (stage === Stage.SETTLED) return opcode === Opcode.ACCEPT && multishot && result >= 0;
  return true;
}
