// Linked into the native agent; runs before its main. .NET keeps its tables compressed in the file and unpacks them at the start into some 8 MiB of memory that the
// program begins with, page by page: 2,000 faults, a third or more of the time that a push's process needs to begin. Here the kernel is asked for these pages at once.
// Advice only: a kernel that knows it not (before 5.14) gives the pages one by one, as ever.
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int populate_segments(struct dl_phdr_info *program, size_t size, void *unused)
{
    const uintptr_t page = 4096, least = 1 << 20;
    (void)size, (void)unused;
    for (int i = 0; i < program->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &program->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_memsz - segment->p_filesz < least) continue;
        uintptr_t base = program->dlpi_addr + segment->p_vaddr;
        uintptr_t from = (base + segment->p_filesz + page - 1) & ~(page - 1), to = (base + segment->p_memsz) & ~(page - 1);
        madvise((void *)from, to - from, MADV_HUGEPAGE);
        madvise((void *)from, to - from, MADV_POPULATE_WRITE);
    }
    return 1; // the program itself comes first; its libraries are not meant
}

__attribute__((constructor)) static void populate(void)
{
    dl_iterate_phdr(populate_segments, 0);
}
