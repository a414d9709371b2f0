/** What a guest may use at most. */
export interface Limits {
  /** The most that the guest's memory may grow to. */
  maxMemoryMiB?: number;
  /** The most descriptors that the guest may have open; default 65,536. */
  maxDescriptors?: number;
  /** The most files and directories that the guest may have open by their paths. */
  maxFiles?: number;
  /** The most that the guest may write to files and streams: then a write fails with EDQUOT. */
  maxWrittenMiB?: number;
  /** The longest that the guest may run. */
  timeoutMs?: number;
  /** The most processor time that a command may use; with a guest per connection, each. */
  maxCpuMs?: number;
}

export const limitNames = [
  'maxMemoryMiB',
  'maxDescriptors',
  'maxFiles',
  'maxWrittenMiB',
  'timeoutMs',
  'maxCpuMs',
] as const satisfies (keyof Limits)[];
