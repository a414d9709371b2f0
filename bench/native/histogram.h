// A histogram of latencies with logarithmic buckets: 128 to the power of two, so a quantile is off
// by less than 1 %.
#ifndef POLLUX_BENCH_HISTOGRAM_H
#define POLLUX_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { STEP_BITS = 7, STEPS = 1 << STEP_BITS, BUCKETS = (64 - STEP_BITS + 1) * STEPS };

struct histogram {
  uint64_t total;
  uint64_t counts[BUCKETS];
};

static inline uint32_t bucket_of(uint64_t value) {
  if (value < 2 * STEPS) return (uint32_t)value;
  uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - STEP_BITS;
  return shift * STEPS + (uint32_t)(value >> shift);
}

static inline uint64_t middle_of(uint32_t bucket) {
  if (bucket < 2 * STEPS) return bucket;
  uint32_t shift = bucket / STEPS - 1;
  return ((uint64_t)(bucket - shift * STEPS) << shift) + (1ull << shift) / 2;
}

static inline void record(struct histogram *h, uint64_t value) {
  h->counts[bucket_of(value)]++;
  h->total++;
}

static inline uint64_t quantile(const struct histogram *h, double q) {
  uint64_t rank = (uint64_t)(q * (double)h->total), seen = 0;
  for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
    seen += h->counts[bucket];
    if (seen > rank) return middle_of(bucket);
  }
  return 0;
}

#endif
