/** The verbs of a guest in a thread of its own, as the world's thread does them on its kernel. */
import type { Clock } from '../../../host/kernel/kernel.js';
import { EVENT_STRIDE, pollerNames, type Poller } from '../../../host/kernel/readiness.js';
import type { SimKernel } from '../../../host/sim/sim-kernel.js';
import { LAYOUT, type Shared, type Verb } from './verb.js';

/** What a guest's verbs are done with. */
export interface Served {
  readonly kernel: SimKernel;
  readonly shared: Shared;
  /** By the numbers that its thread knows them by. */
  readonly pollers: Poller[];
}

type Serve = (served: Served, args: Float64Array) => number;

const STAT_WORDS = 16;

function answerBig({ shared }: Served, value: bigint): number {
  shared.big[0] = value;
  return 0;
}

function address({ shared }: Served, length: number, port: number) {
  return { host: shared.text(length), port };
}

export const serve: Record<Verb, Serve> = {
  listen: (served, [length, port, backlog]) =>
    served.kernel.listen(address(served, length!, port!), backlog!),
  connect: (served, [length, port]) => served.kernel.connect(address(served, length!, port!)),
  socketError: ({ kernel }, [socket]) => kernel.socketError(socket!),
  accept: ({ kernel }, [listener]) => kernel.accept(listener!),
  localAddress: ({ kernel, shared }, [socket]) => {
    const local = kernel.localAddress(socket!);
    return typeof local === 'number' ? local : shared.setText(JSON.stringify(local));
  },
  recv: ({ kernel }, [socket, iovs, count, flags, skip]) =>
    kernel.recv(socket!, iovs!, count!, flags!, skip!),
  send: ({ kernel }, [socket, iovs, count, skip]) => kernel.send(socket!, iovs!, count!, skip!),
  shutdown: ({ kernel }, [socket, how]) => kernel.shutdown(socket!, how!),
  retire: ({ kernel }, [listener]) => kernel.retire(listener!),
  pipe: ({ kernel, shared }) => kernel.pipe(shared.words),
  readv: ({ kernel }, [handle, iovs, count]) => kernel.readv(handle!, iovs!, count!),
  writev: ({ kernel }, [handle, iovs, count, skip]) => kernel.writev(handle!, iovs!, count!, skip!),
  seek: ({ kernel, shared }, [handle, whence]) => kernel.seek(handle!, shared.big[0]!, whence!),
  stat: ({ kernel, shared }, [handle]) => {
    const { buffer } = shared.words;
    return kernel.stat(handle!, new BigUint64Array(buffer, LAYOUT.WORDS, STAT_WORDS / 2));
  },
  readable: ({ kernel }, [handle]) => kernel.readable(handle!),
  close: ({ kernel }, [handle]) => kernel.close(handle!),
  waitFor: ({ kernel }, [handle, interest, timeoutNs]) =>
    kernel.waitFor(handle!, interest!, timeoutNs!),
  wake: ({ kernel }) => {
    kernel.wake();
    return 0;
  },
  awake: ({ kernel }) => {
    kernel.awake();
    return 0;
  },
  now: (served, [clock]) => answerBig(served, served.kernel.now(clock as Clock)),
  resolution: (served, [clock]) => answerBig(served, served.kernel.resolution(clock as Clock)),
  random: ({ kernel }, [offset, length]) => kernel.random(offset!, length!),
  maybe: ({ kernel }, [label, length]) => kernel.maybe(label!, length!),
  yield: ({ kernel }) => {
    kernel.yield();
    return 0;
  },
  poller: ({ kernel, pollers }, [name]) => pollers.push(kernel.poller(pollerNames[name!]!)) - 1,
  pollerSet: ({ pollers }, [number, handle, interest, trigger, token]) =>
    pollers[number!]!.set(handle!, interest!, trigger!, token!),
  pollerRemove: ({ pollers }, [number, handle]) => pollers[number!]!.remove(handle!),
  pollerWait: ({ pollers, shared }, [number, most, timeoutNs]) => {
    const length = most! - (most! % EVENT_STRIDE);
    return pollers[number!]!.wait(shared.words.subarray(0, length), timeoutNs!);
  },
  pollerClose: ({ pollers }, [number]) => {
    pollers[number!]!.close();
    return 0;
  },
  signalArm: ({ kernel }, [handle, on]) => kernel.signals().arm(handle!, on === 1),
  signalWait: ({ kernel, shared }, [most, timeoutNs]) =>
    kernel.signals().wait(shared.words.subarray(0, most!), timeoutNs!),
  signalClose: ({ kernel }) => {
    kernel.signals().close();
    return 0;
  },
  submit: ({ kernel, shared }, [operations, count]) =>
    kernel.completions().submit(operations!, count!, shared.words),
  reap: ({ kernel, shared }, [completions, max, buffer, bytes, min, timeoutNs, notes]) =>
    kernel
      .completions()
      .reap(
        completions!,
        max!,
        buffer!,
        bytes!,
        min!,
        timeoutNs!,
        shared.words.subarray(0, notes!),
      ),
  completionClose: ({ kernel }) => {
    kernel.completions().close();
    return 0;
  },
};
