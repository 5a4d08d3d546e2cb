/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed stub: a program of some hundred bytes in sealed memory that execs the container's
 * program, so that /proc/self/exe of the process that does this exec is the stub and not ours
 * (CVE-2019-5736: `#!/proc/self/exe`). It runs inside the container under its filter, ids and
 * capabilities; all it calls are fcntl, execve and, when that fails, write and exit_group.
 *
 * argv of the stub: the status descriptor's number in decimal, the program's path, then the
 * program's own arguments. The descriptor comes without close-on-exec and gets it back here. On
 * failure one struct sync_message (its first 16 bytes) is written to it: SYNC_EXEC_FAILED, -errno.
 */
#include "engine/runtime/program-internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/runtime/sync-internal.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

_Static_assert(SYNC_EXEC_FAILED == 9, "the stub has this number in its code");

#if defined(__x86_64__)
#define STUB_MACHINE EM_X86_64
__asm__(".pushsection .rodata\n"
	"stub_begin:\n"
	"	mov	(%rsp), %rbx\n"	 /* argc */
	"	mov	8(%rsp), %rsi\n" /* argv[0]: the number */
	"	xor	%r12d, %r12d\n"
	"1:	movzbl	(%rsi), %eax\n"
	"	test	%eax, %eax\n"
	"	jz	2f\n"
	"	imul	$10, %r12d, %r12d\n"
	"	lea	-48(%r12, %rax), %r12d\n"
	"	inc	%rsi\n"
	"	jmp	1b\n"
	"2:	mov	$72, %eax\n" /* fcntl(fd, F_SETFD, FD_CLOEXEC) */
	"	mov	%r12d, %edi\n"
	"	mov	$2, %esi\n"
	"	mov	$1, %edx\n"
	"	syscall\n"
	"	test	%eax, %eax\n"
	"	js	3f\n"
	"	mov	$59, %eax\n" /* execve(argv[1], argv + 2, envp) */
	"	mov	16(%rsp), %rdi\n"
	"	lea	24(%rsp), %rsi\n"
	"	lea	16(%rsp, %rbx, 8), %rdx\n"
	"	syscall\n"
	"3:	push	%rax\n"
	"	push	$9\n" /* SYNC_EXEC_FAILED */
	"	mov	$1, %eax\n"
	"	mov	%r12d, %edi\n"
	"	mov	%rsp, %rsi\n"
	"	mov	$16, %edx\n"
	"	syscall\n"
	"	mov	$231, %eax\n"
	"	mov	$127, %edi\n"
	"	syscall\n"
	"stub_end:\n"
	".popsection\n");
#elif defined(__aarch64__)
#define STUB_MACHINE EM_AARCH64
__asm__(".pushsection .rodata\n"
	".balign 4\n"
	"stub_begin:\n"
	"	ldr	x19, [sp]\n"
	"	ldr	x1, [sp, #8]\n"
	"	mov	w20, #0\n"
	"	mov	w3, #10\n"
	"1:	ldrb	w2, [x1], #1\n"
	"	cbz	w2, 2f\n"
	"	sub	w2, w2, #48\n"
	"	madd	w20, w20, w3, w2\n"
	"	b	1b\n"
	"2:	mov	x8, #25\n" /* fcntl */
	"	mov	w0, w20\n"
	"	mov	x1, #2\n"
	"	mov	x2, #1\n"
	"	svc	#0\n"
	"	cmp	x0, #0\n"
	"	b.lt	3f\n"
	"	mov	x8, #221\n" /* execve */
	"	ldr	x0, [sp, #16]\n"
	"	add	x1, sp, #24\n"
	"	add	x2, sp, x19, lsl #3\n"
	"	add	x2, x2, #16\n"
	"	svc	#0\n"
	"3:	mov	x1, #9\n"
	"	stp	x1, x0, [sp, #-16]!\n"
	"	mov	x8, #64\n" /* write */
	"	mov	w0, w20\n"
	"	mov	x1, sp\n"
	"	mov	x2, #16\n"
	"	svc	#0\n"
	"	mov	x8, #94\n" /* exit_group */
	"	mov	x0, #127\n"
	"	svc	#0\n"
	"stub_end:\n"
	".popsection\n");
#endif

#ifdef STUB_MACHINE
extern const unsigned char stub_begin[];
extern const unsigned char stub_end[];

#define STUB_BASE 0x400000UL

struct stub_file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	unsigned char code[512];
};

/* One readable, executable segment, and a stack that is not executable. */
static size_t stub_build(struct stub_file *file)
{
	size_t code_size = (size_t)(stub_end - stub_begin);
	size_t size = offsetof(struct stub_file, code) + code_size;

	*file = (struct stub_file){
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = STUB_MACHINE,
			.e_version = EV_CURRENT,
			.e_entry = STUB_BASE + offsetof(struct stub_file, code),
			.e_phoff = offsetof(struct stub_file, segments),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.segments = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = STUB_BASE,
			  .p_paddr = STUB_BASE, .p_filesz = size, .p_memsz = size,
			  .p_align = 0x10000 },
			{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16 },
		},
	};
	memcpy(file->code, stub_begin, code_size);
	return size;
}

int stub_make(int *ret_fd)
{
	auto_close int fd = -1;
	struct stub_file file;
	size_t size = stub_build(&file);
	int r = 0;

	/* MFD_EXEC matters where vm.memfd_noexec is 1; kernels before 6.3 do not know it. */
	fd = memfd_create("bryo-stub", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("bryo-stub", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, &file, size);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}
#else
int stub_make(int *ret_fd)
{
	(void)ret_fd;
	return -EOPNOTSUPP;
}
#endif
