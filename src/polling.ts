/** How poll_oneoff finds out what is ready, and tells of it, as a caller may choose. */
import { UsageError } from '../host/kernel/error.js';
import { pollerNames, type PollerName } from '../host/kernel/readiness.js';

export const pollNames = ['level', 'edge'] as const;
export type PollName = (typeof pollNames)[number];

/** Throws `UsageError` for what there is not. */
export function checkPolling(options: {
  readonly poller?: PollerName;
  readonly poll?: PollName;
}): void {
  const { poller = 'epoll', poll = 'level' } = options;
  if (!pollerNames.includes(poller))
    throw new UsageError(`"${poller}" is no poller: choose ${pollerNames.join(', ')}`);
  if (!pollNames.includes(poll))
    throw new UsageError(`"${poll}" is no way to poll: choose ${pollNames.join(' or ')}`);
  if (poll === 'edge' && poller !== 'epoll') {
    throw new UsageError(
      `edges are told by epoll alone, not by ${poller}: leave the poller at epoll`,
    );
  }
}
