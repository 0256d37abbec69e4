/* Says whether large pages were asked for in the memory that affine_pack
 * filled. */
#define _DEFAULT_SOURCE
#include "libaffine.h"

#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Whether the mapping of `address` has the flag hg, see proc_pid_smaps(5). */
static int has_flag(const void *address) {
  FILE *maps = fopen("/proc/self/smaps", "r");
  unsigned long begin, end;
  char line[1024];
  int here = 0, found = 0;
  while (maps && fgets(line, sizeof(line), maps)) {
    if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
      here = begin <= (unsigned long)address && (unsigned long)address < end;
    else if (here && !strncmp(line, "VmFlags:", 8))
      found = strstr(line, " hg") != NULL;
  }
  if (maps)
    fclose(maps);
  return found;
}

int main(void) {
  float numbers[4] = {0};
  int64_t four[] = {4};
  DLTensor params[affine_num_params];
  size_t size = affine_packed_size();
  char *packed = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int i;
  if (packed == MAP_FAILED)
    return 1;
  for (i = 0; i < affine_num_params; ++i)
    params[i] = make(numbers, four, 1);
  printf("before: %d\n", has_flag(packed + size / 2));
  if (affine_pack(params, affine_num_params, packed)) {
    printf("%s\n", affine_last_error());
    return 1;
  }
  printf("after: %d\n", has_flag(packed + size / 2));
  return 0;
}
