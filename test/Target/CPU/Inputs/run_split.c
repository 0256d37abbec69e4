/* Runs layer-f32.mlir with few tasks and many threads, over and over: the bits
   have to be those of one thread. */
#include "liblayer.h"

#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { experts = 8, hidden = 64, width = 48, max_tokens = 7, repeats = 500 };

void omp_set_num_threads(int threads);

/* Values in [-1, 1). */
static float *make_values(int count) {
  static unsigned state = 1;
  float *values = malloc(sizeof(float) * count);
  int i;
  for (i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = (float)(state >> 8) / (1 << 23) - 1.0f;
  }
  return values;
}

static int fail(void) {
  printf("%s\n", forward_last_error());
  exit(1);
}

/* All of the workspace is NaN before: what is read too early is seen. */
static void run(float *x, float *y, int64_t tokens, void *packed) {
  int64_t shape[] = {tokens, hidden};
  DLTensor input = make(x, shape, 2), output = make(y, shape, 2);
  size_t size = (forward_workspace_size(tokens) + 63) / 64 * 64;
  void *workspace = aligned_alloc(64, size);
  memset(workspace, 0xff, size);
  memset(y, 0xff, sizeof(float) * tokens * hidden);
  if (forward_run(&input, 1, packed, &output, 1, workspace))
    fail();
  free(workspace);
}

int main(void) {
  int64_t router[] = {experts, hidden}, up[] = {width, hidden};
  int64_t down[] = {experts, hidden, width};
  int64_t tokens[] = {0, 1, 2, 3, max_tokens};
  int threads[] = {2, 3, 8, 16};
  DLTensor params[forward_num_params];
  void *packed = aligned_alloc(64, (forward_packed_size() + 63) / 64 * 64);
  float expected[max_tokens * hidden], y[max_tokens * hidden];
  float *x = make_values(max_tokens * hidden);
  int i, t, n, wrong, not_finite = 0;

  params[0] = make(make_values(experts * hidden), router, 2);
  for (i = 0; i < 2 * experts; ++i)
    params[1 + i] = make(make_values(width * hidden), up, 2);
  params[1 + 2 * experts] =
      make(make_values(experts * hidden * width), down, 3);
  if (forward_pack(params, forward_num_params, packed))
    fail();
  for (t = 0; t < 5; ++t) {
    size_t count = tokens[t] * hidden, k;
    omp_set_num_threads(1);
    run(x, expected, tokens[t], packed);
    for (k = 0; k < count; ++k)
      not_finite += !(expected[k] - expected[k] == 0.0f);
    for (n = 0; n < 4; ++n) {
      omp_set_num_threads(threads[n]);
      for (i = wrong = 0; i < repeats; ++i) {
        run(x, y, tokens[t], packed);
        wrong += memcmp(y, expected, sizeof(float) * count) != 0;
      }
      printf("%d tokens, %d threads: %d wrong\n", (int)tokens[t], threads[n],
             wrong);
    }
  }
  printf("%d not finite\n", not_finite);
  return 0;
}
