# SPDX-License-Identifier: Apache-2.0
# bryo: one Makefile, not recursive. Each folder becomes one archive; each folder with a main.c
# also a program, linked against what it needs of all archives.
#
#   make try      install what is missing, build, run a container from the built-in image
#   make test     install what tests need and run all of them
#   make | deps | install | uninstall (PREFIX, DESTDIR) | lint | check | check-asan | check-sanitizers
#   make check-vm | fuzz SECONDS=n | bench | clean

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/bryo
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
CONFDIR ?= $(PREFIX)/share/bryo
DESTDIR ?=
SECONDS ?= 60
VERSION := 0.1.0
CC ?= cc
PKG_CONFIG ?= pkg-config
FLAVOR ?= release
B := .build/$(FLAVOR)
# V=1 shows whole commands
Q := $(if $(V),,@)
say := @$(if $(V),:,echo)

# ---- What Debian packages are needed ----
DEPS_BUILD := gcc make pkg-config libc6-dev libcap-dev libseccomp-dev \
	libcurl4-openssl-dev libssl-dev zlib1g-dev libisal-dev libzstd-dev libarchive-dev \
	libjansson-dev libsystemd-dev libfuse3-dev libmnl-dev libnftnl-dev
DEPS_RUN := uidmap ca-certificates
DEPS_TEST := libcmocka-dev bats shellcheck clang-14 libclang-rt-14-dev clang-tidy-14 clang-format-14 cppcheck \
	busybox-static docker-registry apache2-utils openssl skopeo jq python3 iproute2 procps strace \
	nftables util-linux mount e2fsprogs attr acl curl socat sudo nginx-light iputils-ping man-db crun runc \
	iperf3 redis-server redis-tools nodejs golang-go default-jdk-headless dnsmasq-base

# ---- Flags ----
WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wmissing-prototypes -Wstrict-prototypes -Wformat=2
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT := -O2 -g $(HARDEN)
ifeq ($(FLAVOR),asan)
OPT := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
ifeq ($(FLAVOR),tsan)
OPT := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
endif
ifeq ($(FLAVOR),fuzz)
CC := clang-14
OPT := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
WARN += -Wno-unknown-warning-option -Wno-gnu-variable-sized-type-not-at-end
endif
CPPFLAGS += -D_GNU_SOURCE -I. -DBRYO_VERSION='"$(VERSION)"'
ALL_CFLAGS := -std=gnu17 $(WARN) $(OPT) -ffunction-sections -fdata-sections $(CFLAGS)
ALL_LDFLAGS := $(filter -fsanitize=address% -fsanitize=thread,$(subst $(comma)fuzzer-no-link,,$(OPT))) -Wl,--gc-sections \
	-Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
comma := ,

# The hot path links little and that statically: what a dynamic loader does at each start of a
# command is time that its user waits, and each fork pays for its mappings (docs/performance.md).
# PIE=1 for a position-independent bryo, whose relocations cost each command 0.4 ms and each container
# 90 kB (docs/decisions/0008). Sanitizers want their libraries shared.
STATIC := $(if $(filter release,$(FLAVOR)),$(if $(PIE),-static-pie,-static -no-pie))
# The code that each command runs lies together: docs/decisions/0011.
HOT := $(if $(STATIC),$(if $(findstring GNU ld,$(shell $(CC) -Wl,--version 2>/dev/null)),cli/hot.ld))
static = $(if $(filter release,$(FLAVOR)),-Wl$(comma)-Bstatic $(1) -Wl$(comma)-Bdynamic,$(1))

# ---- What is built ----
TOPS := engine rootless userns netns fuse-overlay cli
SRCS := $(sort $(wildcard $(addsuffix /*.c,$(TOPS)) $(addsuffix /*/*.c,$(TOPS)) $(addsuffix /*/*/*.c,$(TOPS))))
LIBSRCS := $(filter-out %/main.c,$(SRCS))
DIRS := $(sort $(patsubst %/,%,$(dir $(LIBSRCS))))
ARCHIVES := $(DIRS:%=$(B)/%.a)
obj = $(patsubst %.c,$(B)/%.o,$(1))

PROGRAMS := $(if $(wildcard cli/main.c),bryo)
bryo_MAIN := cli/main.c
bryo_LIBS := -lseccomp -lcap -ljansson
bryo_LDFLAGS := $(STATIC) $(HOT:%=-Wl,-T,%)
bryo-runtime_MAIN := engine/runtime/main.c
bryo-runtime_LIBS := -lseccomp -lcap -ljansson
bryo-runtime_LDFLAGS := $(STATIC)
bryo-image_MAIN := engine/image/main.c
bryo-image_LIBS := $(call static,-lseccomp -lcap -ljansson) -lcurl -lcrypto -lz -lisal -lzstd -larchive -lpthread
bryo-net_MAIN := netns/net/main.c
bryo-net_LIBS := -ljansson
# It looks at hostile packets: unlike bryo it is loaded to another place each time.
bryo-net_LDFLAGS := $(if $(STATIC),-static-pie)
bryo-bridge_MAIN := netns/bridge/main.c
bryo-bridge_LIBS := $(call static,-lnftnl -ljansson) -lmnl
bryo-overlay_MAIN := fuse-overlay/main.c
bryo-overlay_LIBS := -lfuse3 $(call static,-lseccomp -lcap) -lpthread
bryo-init_MAIN := engine/init/main.c
bryo-init_LDFLAGS := -static
# What `bryo run hello` runs; it is not installed but linked into bryo-image as bytes.
HELLO := $(B)/bin/bryo-hello
bryo-image_EXTRA := $(B)/engine/image/hello/bytes.o
bryo-scope_MAIN := engine/cgroup/main.c
bryo-scope_LIBS := -lsystemd
HELPERS := $(foreach p,bryo-runtime bryo-image bryo-net bryo-bridge bryo-overlay bryo-init bryo-scope,$(if $(wildcard $($(p)_MAIN)),$(p)))
PROGRAMS += $(HELPERS)
BINS := $(PROGRAMS:%=$(B)/bin/%)

.PHONY: all deps deps-test try test check check-rootless check-root check-compat check-docs check-asan \
	check-sanitizers check-vm lint fuzz fuzz-replay bench install uninstall clean
all: $(ARCHIVES) $(BINS)

-include $(patsubst %.c,$(B)/%.d,$(SRCS))

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# One archive a folder, made anew so that removed sources do not linger in it.
define archive_rule
$(B)/$(1).a: $(call obj,$(filter $(1)/%.c,$(foreach s,$(LIBSRCS),$(if $(filter $(1)/,$(dir $(s))),$(s)))))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(AR) rcs $$@ $$^
endef
$(foreach d,$(DIRS),$(eval $(call archive_rule,$(d))))

$(B)/bin/bryo: $(HOT)
define program_rule
$(B)/bin/$(1): $(call obj,$($(1)_MAIN)) $($(1)_EXTRA) $(ARCHIVES)
	@mkdir -p $$(@D)
	$(say) "  LINK    $$@"
	$(Q)$(CC) $$(OPT) $$(ALL_LDFLAGS) $(if $($(1)_LDFLAGS),$($(1)_LDFLAGS),$(if $(filter release,$(FLAVOR)),-pie)) -o $$@ $$< \
		$($(1)_EXTRA) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $($(1)_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# The file's name without its folder becomes the symbols' name: see engine/image/builtin.c.
$(HELLO): $(call obj,engine/image/hello/main.c)
	@mkdir -p $(@D)
	$(say) "  LINK    $@"
	$(Q)$(CC) $(filter-out -fsanitize%,$(OPT)) -static -s -Wl,--gc-sections -o $@ $<
# Static programs take no sanitizers: these two run where there may be no libraries.
$(B)/engine/image/hello/main.o: ALL_CFLAGS := $(filter-out -fsanitize% -fno-sanitize% -O%,$(ALL_CFLAGS)) -Os
$(B)/engine/init/main.o: ALL_CFLAGS := $(filter-out -fsanitize% -fno-sanitize%,$(ALL_CFLAGS))
$(B)/bin/bryo-init: OPT := $(filter-out -fsanitize% -fno-sanitize%,$(OPT))
$(B)/bin/bryo-init: ALL_LDFLAGS := $(filter-out -fsanitize%,$(ALL_LDFLAGS))
$(B)/engine/image/hello/bytes.o: $(HELLO)
	@mkdir -p $(@D)
	$(Q)cd $(<D) && $(LD) -r -b binary -z noexecstack -o $(abspath $@) $(<F)

# ---- Packages ----
APT := $(if $(filter 0,$(shell id -u)),,sudo -n )
missing = $(shell for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done)
deps:
	@tests/deps.sh $(DEPS_BUILD) $(DEPS_RUN)
deps-test:
	@tests/deps.sh $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST)

# ---- Unit tests: one program a file, linked against the archives ----
UNIT_SRCS := $(shell find tests/unit -name 'test-*.c' 2>/dev/null | sort)
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(B)/unit/%)
UNIT_LIBS := -lcmocka -lseccomp -lcap -ljansson -lcurl -lcrypto -lz -lisal -lzstd -larchive -lsystemd -lfuse3 -lnftnl -lmnl -lpthread -lm
$(B)/unit/%: tests/unit/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(say) "  TEST    $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $< -o $@ $(ALL_LDFLAGS) \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group $(UNIT_LIBS)
-include $(UNIT_BINS:%=%.d)

check: all $(UNIT_BINS)
	@tests/unit.sh $(UNIT_BINS)
check-rootless: all
	@tests/bats.sh rootless tests/cli tests/rootless tests/oci
check-root: all
	@tests/bats.sh root tests/root tests/oci
check-compat: all
	@BRYO_TEST_NAME=check-compat tests/bats.sh rootless tests/compat
check-docs: all
	@tests/docs.sh
test: deps-test
	@tests/all.sh
check-asan:
	$(MAKE) FLAVOR=asan check
check-sanitizers: all
	$(MAKE) FLAVOR=asan .build/asan/bin/bryo-overlay
	$(MAKE) FLAVOR=tsan .build/tsan/bin/bryo-overlay
	@BRYO_TEST_NAME=check-sanitizers BRYO_TEST_SANITIZED="asan tsan" tests/bats.sh rootless tests/sanitizers
check-vm: all
	@tests/vm.sh "$(VM)"
lint: all
	@tests/lint/lint.sh $(SRCS)

# ---- Fuzzing: libFuzzer, clang 14 ----
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz-*.c)
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=$(B)/fuzz/%)
$(B)/fuzz/%: tests/fuzz/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(say) "  FUZZ    $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $< -o $@ -Wl,--gc-sections \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group $(filter-out -lcmocka,$(UNIT_LIBS))
fuzz-bins: $(FUZZ_BINS)
fuzz:
	$(MAKE) FLAVOR=fuzz fuzz-bins
	@tests/fuzz/run.sh $(SECONDS) $(FUZZ_SRCS:tests/fuzz/%.c=.build/fuzz/fuzz/%)
bench: all
	@tests/perf/bench.sh
	@tests/perf/bench.sh overlay
	@tests/perf/bench.sh network

# ---- A first look ----
try:
	@tests/try.sh

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(BASHCOMPDIR)
	install -s -m 755 $(B)/bin/bryo $(DESTDIR)$(BINDIR)/bryo
	for p in $(HELPERS); do install -s -m 755 $(B)/bin/$$p $(DESTDIR)$(LIBEXECDIR)/$$p || exit 1; done
	install -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(ZSHCOMPDIR) $(DESTDIR)$(FISHCOMPDIR)
	$(B)/bin/bryo completion bash -f $(DESTDIR)$(BASHCOMPDIR)/bryo
	$(B)/bin/bryo completion zsh -f $(DESTDIR)$(ZSHCOMPDIR)/_bryo
	$(B)/bin/bryo completion fish -f $(DESTDIR)$(FISHCOMPDIR)/bryo.fish
	$(B)/bin/bryo --out $(DESTDIR)$(MANDIR)/man1/bryo.1 __man
	$(B)/bin/bryo __man --list | while read -r c; do \
		$(B)/bin/bryo --out $(DESTDIR)$(MANDIR)/man1/bryo-$$(echo $$c | tr ' ' -).1 __man $$c || exit 1; done
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/bryo $(DESTDIR)$(BASHCOMPDIR)/bryo $(DESTDIR)$(ZSHCOMPDIR)/_bryo
	rm -f $(DESTDIR)$(FISHCOMPDIR)/bryo.fish $(DESTDIR)$(MANDIR)/man1/bryo.1 $(DESTDIR)$(MANDIR)/man1/bryo-*.1
	rm -rf $(DESTDIR)$(LIBEXECDIR)
clean:
	rm -rf .build
