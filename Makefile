# Tepui: one Makefile, not recursive.  Objects and programs go to build/ (build/asan/ with SANITIZE=1).
#
#   make            the programs                     make deps     install what is missing from Debian
#   make demo       the whole story on loopback      make run      a master and an agent to try by hand
#   make demo-fleet what apps are promised, on three nodes in network namespaces (demo-net: their services)
#   make check      every test                       make bench    figures, with ratios to peers
#   (make bench-master, bench-controller, bench-net, bench-services: of those alone)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

CC       ?= gcc
ifeq ($(origin CC),default)
CC       := gcc
endif
AR       := gcc-ar
PREFIX   ?= /usr
DESTDIR  ?=
PYTHON   := /usr/bin/python3

ifeq ($(SANITIZE),1)
B        := build/asan
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT      := -O1 -g
HARDEN   :=
HARDENLD :=
else
B        := build
SAN      :=
OPT      := -O2 -g
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
HARDENLD := -pie -Wl,-z,relro,-z,now
endif

WARN     := -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wcast-qual \
            -Wswitch-enum -Wimplicit-fallthrough -fno-common -Werror
# What the published schemas call deprecated is read and written all the same.
CPPFLAGS += -D_GNU_SOURCE -DPROTOBUF_C__NO_DEPRECATED -I. -I$(B)
CFLAGS   += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(SAN) -ffunction-sections -fdata-sections
LDFLAGS  += $(HARDENLD) $(SAN) -Wl,--gc-sections

# V=1 shows the commands.
ifeq ($(V),1)
say       =
else
say       = @printf '  %-6s %s\n' $(1) $(patsubst $(B)/%,%,$@);
endif

# ---- Sources: a folder is an archive; main.c is the program ----
PROTO    := duration mesos allocator maintenance quota scheduler executor agent master tepui
PB_SRC   := $(PROTO:%=$(B)/proto/%.pb-c.c)
PB_HDR   := $(PROTO:%=$(B)/proto/%.pb-c.h)
FOLDERS  := lib net net/nft isolators containerizer containerizer/image containerizer/unpack containerizer/oci executor agent \
            master_stub cli
src       = $(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/marathon/*.c $(1)/marathon/*/*.c))
objs      = $(patsubst %.c,$(B)/obj/%.o,$(1))
ARCHIVES := $(FOLDERS:%=$(B)/%.a) $(B)/proto.a

PROGRAMS := $(B)/tepui-master $(B)/tepui-agent $(B)/tepui-executor $(B)/tepui-oci $(B)/tepui-image \
            $(B)/tepui-unpack $(B)/tepui-nft $(B)/tepui

.PHONY: all
all: $(PROGRAMS)

$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h &: proto/%.proto $(wildcard proto/*.proto)
	@mkdir -p $(B)/proto
	$(call say,PROTO)protoc-c --proto_path=proto --c_out=$(B)/proto $<

# Named here, so that they are not intermediate files to make.
.PHONY: generated
generated: $(PB_SRC) $(PB_HDR)

# Generated code includes its siblings by bare name.
$(B)/obj/proto/%.o: $(B)/proto/%.pb-c.c | $(PB_HDR)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -I$(B)/proto -std=gnu17 $(OPT) $(HARDEN) $(SAN) -ffunction-sections -fdata-sections -c -o $@ $<

$(B)/obj/%.o: %.c | $(PB_HDR)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/proto.a: $(PROTO:%=$(B)/obj/proto/%.o)
	@rm -f $@
	$(call say,AR)$(AR) rcsP $@ $^

define archive_rule
$(B)/$(1).a: $(call objs,$(call src,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR)$(AR) rcsP $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))

LIBS_COMMON := -ljansson -lprotobuf-c -levent_core -lz
LIBS_STORE  := -lsqlite3
LIBS_NETLINK := -lnl-3
LIBS_ZONE   := -lglib-2.0
$(B)/obj/master_stub/marathon/definition/zone.o: CPPFLAGS += $(shell pkg-config --cflags-only-I glib-2.0 | sed s,-I,-isystem,g)

$(B)/obj/net/netlink.o $(B)/obj/net/nft_watch.o $(B)/obj/net/nft/%.o: CPPFLAGS += $(shell pkg-config --cflags-only-I libnl-3.0 | sed s,-I,-isystem,g)

$(B)/tepui-master: $(B)/obj/master_stub/main.o $(B)/master_stub.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_ZONE) -levent_extra -lssl -lcrypto -lm

$(B)/tepui-agent: $(B)/obj/agent/main.o $(B)/agent.a $(B)/containerizer/image.a $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_NETLINK) -lseccomp -lcap -lcrypto -lm

# Static: a supervisor's private memory and its start-up time are paid once per container.
ifeq ($(SANITIZE),1)
EXECUTOR_LD :=
else
# libevent's name resolution comes along in the archive and is never called: ld need not warn of it.
EXECUTOR_LD := -static -no-pie -Wl,--no-warnings
endif
$(B)/tepui-executor: $(B)/obj/executor/main.o $(B)/executor.a $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(filter-out -pie,$(LDFLAGS)) $(EXECUTOR_LD) -o $@ $^ $(LIBS_COMMON) $(LIBS_NETLINK) -lssl -lcrypto -lm

$(B)/tepui-oci: $(B)/obj/containerizer/oci/main.o $(B)/containerizer/oci.a $(B)/containerizer/image.a $(B)/containerizer.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(filter-out -pie,$(LDFLAGS)) $(EXECUTOR_LD) -o $@ $^ $(LIBS_COMMON) $(LIBS_NETLINK) -lseccomp -lm

$(B)/tepui: $(B)/obj/cli/main.o $(B)/cli.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) -lm

$(B)/tepui-image: $(B)/obj/containerizer/image/main.o $(B)/containerizer/image.a $(B)/containerizer/unpack.a $(B)/isolators.a $(B)/net.a $(B)/lib.a $(B)/proto.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON) $(LIBS_NETLINK) -lcrypto -lm

# Libraries that read hostile bytes are linked here and nowhere else.
$(B)/tepui-unpack: $(B)/obj/containerizer/unpack/main.o $(B)/containerizer/unpack.a $(B)/lib.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ -ljansson -larchive -lseccomp -lcap -lm

# So is what knows nftables: an agent that has no service runs without it.
$(B)/tepui-nft: $(B)/obj/net/nft/main.o $(B)/net/nft.a $(B)/net.a $(B)/lib.a
	$(call say,LINK)$(CC) $(LDFLAGS) -o $@ $^ -lnftables $(LIBS_NETLINK)

# ---- Unit tests: always with sanitizers, whatever the programs are built with ----
UNIT_SRC := $(wildcard tests/unit/test_*.c)
.PHONY: check-unit
check-unit:
	@$(MAKE) --no-print-directory SANITIZE=1 run-unit

UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
$(B)/tests/unit/test_%: tests/unit/test_%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -I$(B)/proto $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group \
	  -lcmocka $(LIBS_COMMON) $(LIBS_STORE) $(LIBS_ZONE) $(LIBS_NETLINK) -levent_extra -lseccomp -lcap -lssl -lcrypto -larchive -lm

.PHONY: run-unit
run-unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

# ---- Everything else that is judged ----
.PHONY: check check-includes check-integration check-vm asan bench demo demo-fleet demo-net run deps install clean
-include tests/tests.mk

clean:
	rm -rf build

-include $(shell find $(B)/obj $(B)/tests -name '*.d' 2>/dev/null)
