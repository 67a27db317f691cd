/**
 * Environment that the inference server starts with. The allocator of glibc raises the size from which it maps memory, and gives
 * it back when freed, with every mapped block that is freed. Adapters and contexts of some 10 MB then come from the heap and
 * leave holes in it: 1 to 2 MB for each switch from disk, without an end in 400 switches. A fixed size keeps memory flat. Other
 * allocators ignore the variable. https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD.
 */
export const allocatorEnvironment = { MALLOC_MMAP_THRESHOLD_: '1048576' } as const;
