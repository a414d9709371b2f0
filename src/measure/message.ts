/** What the load and its parent say to each other. */
export interface LoadJob {
  /** Who started it, and ends it by ending. */
  parent: number;
  host: string;
  port: number;
  connections: number;
  messageBytes: number;
  warmupSeconds: number;
  seconds: number;
}

export type LoadMessage =
  /** It has warmed up, nothing is on its way, and it waits for a message, whatever it says. */
  | { type: 'warm' }
  | { type: 'done'; echoes: number; p50Us: number; p99Us: number }
  | { type: 'failed'; sentence: string };
