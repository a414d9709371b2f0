// A failure of the benchmark itself: a server that does not start, a load that does not end. It is
// no figure.
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
