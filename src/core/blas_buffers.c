#include "core/blas_buffers.h"

#include "core/memory.h"
#include "core/parallel.h"

#include <pthread.h>

/* OpenBLAS's own, which no header declares; a library without them is not guarded. */
extern void *blas_memory_alloc(int kind) __attribute__((weak));
extern void blas_memory_free(void *buffer) __attribute__((weak));

enum { MOST = 256 };

/* A buffer as it is built for x86-64 and ARM, and what else a call takes. */
static const double BUFFER_BYTES = 132 << 20;

/* The process's, as OpenBLAS is. */
static struct Buffers {
    pthread_mutex_t lock;
    pthread_cond_t given;
    bool limited;
    int wanted, made, taken;
} buffers = { .lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER };

static void look_for_limit(void) {
    buffers.limited = blas_memory_alloc && blas_memory_free && memory_is_limited();
}

/* While none is taken: OpenBLAS makes one for each that is held. Beyond the first they may take a
 * quarter of the room that is left, the rest being for what is multiplied. */
static void make(int wanted) {
    void *held[MOST];
    int count = 0;
    while (count < wanted && count < MOST &&
           (count < buffers.made || memory_would_get(count == 0 ? BUFFER_BYTES : 4 * BUFFER_BYTES)))
        held[count++] = blas_memory_alloc(0);
    buffers.made = count;
    buffers.wanted = wanted;
    while (count > 0)
        blas_memory_free(held[--count]);
}

bool blas_buffer_take(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_for_limit);
    if (!buffers.limited)
        return true;
    int threads = parallel_threads();
    pthread_mutex_lock(&buffers.lock);
    if (buffers.taken == 0 && (buffers.made == 0 || threads > buffers.wanted))
        make(threads);
    while (buffers.made > 0 && buffers.taken == buffers.made)
        pthread_cond_wait(&buffers.given, &buffers.lock);
    bool ok = buffers.made > 0;
    buffers.taken += ok;
    pthread_mutex_unlock(&buffers.lock);
    return ok;
}

void blas_buffer_give(void) {
    if (!buffers.limited)
        return;
    pthread_mutex_lock(&buffers.lock);
    buffers.taken--;
    pthread_cond_signal(&buffers.given);
    pthread_mutex_unlock(&buffers.lock);
}
