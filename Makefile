# Perigee — build · test · bench · install. Every C file is found by its folder; nothing is listed.

VERSION  := 0.1.0
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
OPTIMIZE ?= -O3
PKG_CONFIG ?= pkg-config

# Pragmas meant for gcc, and loops that clang declines to vectorise, are no news.
CLANG_WARNINGS := $(if $(findstring clang,$(CC)),-Wno-unknown-pragmas -Wno-pass-failed)
# What an initialiser leaves out is zero, and that is meant.
WARNINGS := -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(CLANG_WARNINGS)
LUA_PC   ?= $(firstword $(foreach p,lua5.4 lua-5.4 lua54 lua,$(shell $(PKG_CONFIG) --exists '$(p) >= 5.4' 2>/dev/null && echo $(p))))
BLAS_PC  ?= openblas
CORE_PC  := $(BLAS_PC) libcjson zlib libzip libpng libjpeg
HOST_PC  := readline
# libsvm has no .pc file; both variables can be overridden.
SVM_CFLAGS ?=
SVM_LIBS   ?= -lsvm

PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(CORE_PC) $(HOST_PC) $(LUA_PC))
CORE_LIBS  := $(shell $(PKG_CONFIG) --libs $(CORE_PC)) $(SVM_LIBS) -lpthread -lm
HOST_LIBS  := $(shell $(PKG_CONFIG) --libs $(HOST_PC) $(LUA_PC)) -ldl

# Against overflowing buffers and overwritten tables of functions; HARDEN= leaves it out. What this compiler does
# not know, or the user's own flags say, is not added.
HARDEN   ?= yes
accepted = $(shell $(CC) -Werror $(1) -O1 -S -x c -o /dev/null /dev/null 2>/dev/null && echo '$(1)')
FORTIFY  := $(shell printf '\043include <stdlib.h>\n' | $(CC) -Werror -O1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -S -x c \
	-o /dev/null - 2>/dev/null && echo 3 || echo 2)
HARDEN_CFLAGS  := $(if $(HARDEN),-fPIE $(call accepted,-fstack-protector-strong) $(call accepted,-fstack-clash-protection))
HARDEN_LDFLAGS := $(if $(HARDEN),-pie $(if $(filter Darwin,$(shell uname)),,-Wl,-z,relro -Wl,-z,now))
OWN_FORTIFY = $(if $(HARDEN),$(if $(filter -O0,$(OPTIMIZE) $(CFLAGS))$(findstring FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,\
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)))

# CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS are the user's, as everywhere, and come last. EXTRA_… are for the builds below.
ALL_CPPFLAGS = -Isrc -D_GNU_SOURCE -DPERIGEE_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(SVM_CFLAGS) $(OWN_FORTIFY) \
	$(EXTRA_CPPFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 -g $(OPTIMIZE) -fno-math-errno -fno-trapping-math -fopenmp-simd -pthread $(HARDEN_CFLAGS) $(WARNINGS) \
	$(EXTRA_CFLAGS) $(CFLAGS)
ALL_LDFLAGS  = -pthread $(HARDEN_LDFLAGS) $(EXTRA_LDFLAGS) $(LDFLAGS)

ROOMS     := core data nn svm classic reject attack files plot grad mpi
LIB_SRC   := $(wildcard $(ROOMS:%=src/%/*.c)) src/model.c
BIN_SRC   := src/main.c $(wildcard src/repl.c) $(wildcard src/host/*.c) $(wildcard src/bind/*.c)
TEST_SRC  := $(wildcard tests/core/*.c)
HOST_TEST_SRC := $(wildcard tests/host/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
BIN_OBJ   := $(BIN_SRC:%.c=$(BUILD)/obj/%.o)
TEST_BIN  := $(TEST_SRC:tests/core/%.c=$(BUILD)/tests/%)
HOST_TEST_BIN := $(HOST_TEST_SRC:tests/host/%.c=$(BUILD)/tests/host/%)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%)

# A module for each MPI that is installed, which the program loads when it is started under one (mpi/ranks.h); the
# program itself needs none.
MPI_PC    := openmpi:ompi-c mpich:mpich
MPI_HERE  := $(foreach pair,$(MPI_PC),$(shell $(PKG_CONFIG) --exists $(lastword $(subst :, ,$(pair))) 2>/dev/null && \
	echo $(firstword $(subst :, ,$(pair)))))
MPI_MODULES := $(MPI_HERE:%=$(BUILD)/perigee_mpi_%.so)
MPI_NAME_openmpi := Open MPI
MPI_NAME_mpich   := MPICH

.PHONY: all test asan test-simd bench bench-peers inject suite check-long lint lint-lua lint-c docs install install-files uninstall clean tests-built asan-built tsan-built FORCE

all: $(BUILD)/perigee $(MPI_MODULES)

$(BUILD)/perigee: $(BIN_OBJ) $(BUILD)/libperigee.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CORE_LIBS)

$(BUILD)/libperigee.a: $(LIB_OBJ)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/perigee_mpi_%.so: src/mpi/module/perigee_mpi.c src/mpi/transport.h $(BUILD)/flags
	$(CC) -Isrc -std=c11 -D_GNU_SOURCE -g -O2 -fPIC -shared $(WARNINGS) -DPERIGEE_MPI_LIBRARY='"$(MPI_NAME_$*)"' $(CPPFLAGS) $(CFLAGS) \
	  $(LDFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs $(lastword $(subst :, ,$(filter $*:%,$(MPI_PC)))))

# The tests' own lines are many and not what takes time.
TEST_OPTIMIZE := $(OPTIMIZE:-O3=-O1)
$(BUILD)/obj/tests/core/%.o $(BUILD)/obj/tests/host/%.o: OPTIMIZE = $(TEST_OPTIMIZE)

# The C tests link the core alone: no Lua on that line proves that the core needs none.
$(BUILD)/tests/%: $(BUILD)/obj/tests/core/%.o $(BUILD)/libperigee.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS) $(shell $(PKG_CONFIG) --libs cmocka)

# These link all of the program but main.
$(BUILD)/tests/host/%: $(BUILD)/obj/tests/host/%.o $(filter-out %/main.o,$(BIN_OBJ)) $(BUILD)/libperigee.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CORE_LIBS) $(shell $(PKG_CONFIG) --libs cmocka)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libperigee.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS) -lutil

# Memory that runs out where a test wants it to: for LD_PRELOAD.
FAILING_MALLOC := $(BUILD)/tests/failing_malloc.so

$(FAILING_MALLOC): tests/inject/failing_malloc.c tests/inject/every_request.c tests/inject/every_request.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -std=c11 -D_GNU_SOURCE -g -O1 $(WARNINGS) $(PKG_CFLAGS) -Wl,-z,lazy -o $@ $(filter %.c,$^) -ldl

# A small tutorial in which memory runs out: RUNS failing requests, LIMITS limits of address space. Ten minutes.
RUNS ?= 2000
LIMITS ?= 50

inject: $(BUILD)/perigee $(FAILING_MALLOC)
	tests/inject/run $(RUNS) $(LIMITS)

# What attack.auto and its parts find on the reference's models, and at what price: ten minutes of one core.
# `make suite SUITE="dnr nr"` for some groups.
SUITE ?=

suite: $(BUILD)/perigee
	@$(WITH_DATA) $(BUILD)/perigee --quiet --threads 1 tests/suite/auto.lua $(SUITE)

# The readers of files on mutated ones, under libFuzzer and sanitizers, which takes clang: each for SECONDS, or
# `make fuzz READERS="npy csv"`; tests/fuzz/run has more to say. Harnesses link what they need of the program.
FUZZ := BUILD=build/fuzz CC=clang OPTIMIZE=-O1 HARDEN= EXTRA_CPPFLAGS=-DPERIGEE_NO_CLONES \
	EXTRA_CFLAGS='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/%)

READERS  ?=
SECONDS  ?= 60

fuzz: fuzz-built
	tests/fuzz/run --seconds $(SECONDS) $(READERS)

fuzz-built: $(BUILD)/perigee $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/tests/quick_%)
	$(MAKE) $(FUZZ) fuzz-binaries

.PHONY: fuzz fuzz-built fuzz-binaries
fuzz-binaries: $(FUZZ_BIN) $(BUILD)/perigee-checked

$(BUILD)/libhost.a: $(filter-out %/main.o,$(BIN_OBJ))
	rm -f $@ && ar rcs $@ $^

# The program as they are built, for tests/long/starts.sh.
$(BUILD)/perigee-checked: $(BIN_OBJ) $(BUILD)/libperigee.a
	$(CC) -fsanitize=address,undefined $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CORE_LIBS)

# The same harnesses with the program as it is shipped.
QUICK_OBJ := $(patsubst %,$(BUILD)/obj/tests/fuzz/%.o,fuzz quick guard)

$(BUILD)/tests/quick_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(QUICK_OBJ) $(BUILD)/libhost.a $(BUILD)/libperigee.a
	@mkdir -p $(@D)
	$(CC) -Wl,--as-needed $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CORE_LIBS)

$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/fuzz.o $(BUILD)/libhost.a $(BUILD)/libperigee.a
	$(CC) -fsanitize=fuzzer,address,undefined -Wl,--as-needed $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CORE_LIBS)

# Checks that take longer than scripts/test may, in parts of at most an hour (tests/RELIABILITY.md); without a PART
# their list.
PART ?=

check-long: tests-built
	@$(WITH_DATA) tests/long/run $(PART)

# Else make would remove them, and compile them again the next time.
.SECONDARY: $(TEST_SRC:%.c=$(BUILD)/obj/%.o) $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/fuzz/*.c)) $(HOST_TEST_SRC:%.c=$(BUILD)/obj/%.o) $(BENCH_SRC:%.c=$(BUILD)/obj/%.o)

# Changed flags rebuild everything; the git revision rebuilds only what shows it. git tells none to users to whom
# the checkout does not belong: then what is known stays.
FLAGS    := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
REVISION := $(shell git describe --always --dirty 2>/dev/null)

$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

$(BUILD)/revision.h: FORCE
	@mkdir -p $(@D)
	@echo '#define PERIGEE_REVISION "$(REVISION)"' | cmp -s - $@ || test -z '$(REVISION)' -a -e $@ || \
	  echo '#define PERIGEE_REVISION "$(REVISION)"' > $@

$(BUILD)/obj/src/bind/versions.o: $(BUILD)/revision.h
$(BUILD)/obj/src/bind/versions.o: ALL_CPPFLAGS += -I$(BUILD)

tests-built: $(BUILD)/perigee $(MPI_MODULES) $(TEST_BIN) $(HOST_TEST_BIN) $(FAILING_MALLOC)

test: tests-built
	tests/run $(BUILD)

# The same tests, instrumented. LSan's suppressions and the limits are in tests/run.
ASAN := BUILD=build/asan OPTIMIZE=-O1 HARDEN= EXTRA_CPPFLAGS=-DPERIGEE_NO_CLONES \
	EXTRA_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' \
	EXTRA_LDFLAGS='-fsanitize=address,undefined'

asan-built:
	$(MAKE) $(ASAN) tests-built

asan:
	$(MAKE) $(ASAN) test

# Instrumented for data races; tests/long/threads.sh runs it. OpenBLAS is not.
TSAN := BUILD=build/tsan OPTIMIZE=-O1 HARDEN= EXTRA_CPPFLAGS=-DPERIGEE_NO_CLONES \
	EXTRA_CFLAGS='-fsanitize=thread -fno-omit-frame-pointer' EXTRA_LDFLAGS='-fsanitize=thread'

tsan-built:
	$(MAKE) $(TSAN) tests-built

# What people wait for, a row a figure: `make bench BENCH="dnr_fit start"` for some groups,
# BENCH=--list shows them, BENCH=--json prints JSON. bench-peers adds PyTorch and scikit-learn.
BENCH ?=
# MNIST where it lies beside the checkout.
WITH_DATA = $(if $(PERIGEE_DATA),,$(if $(wildcard ../shared/data),PERIGEE_DATA="$$(cd ../shared/data && pwd)"))
RUN_BENCH = BENCH_BIN=$(BUILD)/bench PERIGEE=$(BUILD)/perigee $(WITH_DATA) $(BUILD)/perigee --quiet \
	tests/bench/bench.lua

bench: $(BUILD)/perigee $(BENCH_BIN)
	@$(RUN_BENCH) $(BENCH)

bench-peers: $(BUILD)/perigee $(BENCH_BIN)
	@$(RUN_BENCH) --peers $(BENCH)

# The code for processors with AVX2 and for those with neither that nor AVX-512, on any: builds that
# choose from less (core/simd.h), OpenBLAS's kernels to match.
SIMD_AVX2  := BUILD=build/avx2 EXTRA_CPPFLAGS=-DPERIGEE_SIMD_MOST=1
SIMD_PLAIN := BUILD=build/plain EXTRA_CPPFLAGS=-DPERIGEE_SIMD_MOST=0

test-simd: tests-built
	$(MAKE) $(SIMD_AVX2) tests-built
	$(MAKE) $(SIMD_PLAIN) tests-built
	for part in core/ lua/; do \
	  tests/run $(BUILD) $$part && \
	  OPENBLAS_CORETYPE=Haswell tests/run build/avx2 $$part && \
	  PERIGEE_TEST_LOSSES=4 OPENBLAS_CORETYPE=Nehalem tests/run build/plain $$part || exit 1; \
	done

# Style: Lua by luacheck, C by clang-format 14, since every version formats otherwise. What is not here
# is skipped, saying so.
CLANG_FORMAT ?= $(firstword $(foreach p,clang-format-14 clang-format,$(if $(findstring \
	version 14.,$(shell $(p) --version 2>/dev/null)),$(p))))
LUACHECK ?= $(shell command -v luacheck)

lint: lint-lua lint-c

lint-lua:
	$(if $(LUACHECK),$(LUACHECK) -q lua scripts tests examples,@echo 'skipped: luacheck is not here')

lint-c:
	$(if $(CLANG_FORMAT),$(CLANG_FORMAT) --dry-run -Werror $(LIB_SRC) $(BIN_SRC) $(TEST_SRC) \
	  $(HOST_TEST_SRC) $(BENCH_SRC) $(wildcard src/mpi/module/*.c tests/inject/*.c tests/fuzz/*.c src/*.h src/*/*.h tests/*/*.h),@echo 'skipped: clang-format 14 is not here')

# The reference manual, the man page and the editors' definitions, from the help's tables.
docs: $(BUILD)/doc/reference.md

$(BUILD)/doc/reference.md: $(BUILD)/perigee scripts/docs.lua lua/perigee/help.lua $(wildcard lua/perigee/help/*.lua lua/perigee/help/*/*.lua)
	$(BUILD)/perigee scripts/docs.lua $(BUILD)/doc

install: all docs install-files

# What is installed, as FILE:PLACE under PREFIX; documents, and examples with them, where Debian has them.
DOC_DIR   := share/doc/perigee
DOCUMENTS := README.md LICENSE CHANGELOG.md docs/tutorial.md docs/cluster.md
INSTALLED  = $(BUILD)/perigee:bin/perigee $(BUILD)/doc/perigee.1:share/man/man1/perigee.1 \
	$(foreach m,$(notdir $(MPI_MODULES)),$(BUILD)/$(m):lib/perigee/$(m)) \
	$(foreach f,$(shell find lua -type f) scripts/describe-torch-model.py,$(f):share/perigee/$(f)) \
	$(foreach f,$(DOCUMENTS) $(shell find examples -type f),$(f):$(DOC_DIR)/$(f)) \
	$(foreach f,reference.md perigee.lua,$(BUILD)/doc/$(f):$(DOC_DIR)/$(f))
quoted = '$(subst ','\'',$(1))'
ROOT   = $(call quoted,$(DESTDIR)$(PREFIX))

# Alone, this copies what is built, and only makes the documents if they are missing. Modes are the same whatever the
# checkout's and the user's are.
install-files:
	@test -f $(BUILD)/doc/perigee.1 || $(BUILD)/perigee scripts/docs.lua $(BUILD)/doc
	@umask 022; for pair in $(INSTALLED); do \
	  to=$(ROOT)/$${pair#*:} mode=644; \
	  case $${pair#*:} in bin/*) mode=755 ;; esac; \
	  install -d "$${to%/*}" && install -m $$mode "$${pair%%:*}" "$$to" || exit 1; \
	done
	@echo installed in $(ROOT)

# What install-files has put there, and the folders that are the program's own and empty then.
uninstall:
	@for pair in $(INSTALLED); do rm -f $(ROOT)/$${pair#*:} || exit 1; done
	@for folder in lib/perigee share/perigee $(DOC_DIR); do \
	  test ! -d $(ROOT)/$$folder || find $(ROOT)/$$folder -depth -type d -exec rmdir {} + 2>/dev/null || true; \
	done
	@echo removed from $(ROOT)

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(BIN_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/obj/%.d) $(wildcard $(BUILD)/obj/tests/fuzz/*.d) \
	$(HOST_TEST_SRC:%.c=$(BUILD)/obj/%.d) $(BENCH_SRC:%.c=$(BUILD)/obj/%.d)
