#include "core/parallel.h"

#include "core/context.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_THREADS = 256 };

typedef struct Job {
    ParallelBody *body;
    void *context;
    size_t n, chunk;    /* chunk 0: one fixed block per worker */
    atomic_size_t next; /* the next item to hand out, for dynamic loops */
} Job;

typedef struct Pool Pool;

typedef struct Worker {
    Pool *pool;
    pthread_t thread;
} Worker;

/* One per context. The caller is worker 0; workers 1 … threads−1 sleep until `round` changes. */
struct Pool {
    Context *context;
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    Worker worker[MAX_THREADS];
    int threads; /* 0: not started yet */
    int busy;    /* workers that have not finished the present round */
    unsigned round;
    int leaving;
    Job *job;
};

static _Thread_local int inside_loop;

static void run_share(Job *job, int worker, int workers) {
    inside_loop = 1;
    if (job->chunk == 0) {
        size_t first = job->n * (size_t)worker / (size_t)workers;
        size_t last = job->n * (size_t)(worker + 1) / (size_t)workers;
        if (first < last)
            job->body(job->context, first, last, worker);
    } else {
        size_t first;
        while ((first = atomic_fetch_add(&job->next, job->chunk)) < job->n) {
            size_t last = first + job->chunk < job->n ? first + job->chunk : job->n;
            job->body(job->context, first, last, worker);
        }
    }
    inside_loop = 0;
}

static void *worker_main(void *argument) {
    const Worker *self = argument;
    Pool *pool = self->pool;
    unsigned seen = 0;
    context_enter(pool->context);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->leaving)
            pthread_cond_wait(&pool->start, &pool->lock);
        if (pool->leaving)
            break;
        seen = pool->round;
        Job *job = pool->job;
        int workers = pool->threads;
        pthread_mutex_unlock(&pool->lock);
        run_share(job, (int)(self - pool->worker), workers);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->finish);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static int available_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

static void end_workers(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->leaving = 1;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pool->leaving = 0;
    pool->round = 0;
    pool->threads = 0;
}

/* Signals belong to the main thread: its handlers talk to Lua. */
static void start_workers(Pool *pool, int threads) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int started = 1;
    for (; started < threads; started++) {
        Worker *worker = &pool->worker[started];
        worker->pool = pool;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pool->threads = started;
}

static void set_threads(Pool *pool, int threads) {
    if (threads <= 0)
        threads = available_processors();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if (threads == pool->threads)
        return;
    end_workers(pool);
    start_workers(pool, threads);
}

static void create(void *state) {
    Pool *pool = state;
    pool->context = context_current();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);
}

static void destroy(void *state) {
    Pool *pool = state;
    end_workers(pool);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->finish);
}

static const ContextSlot slot = { .size = sizeof(Pool), .create = create, .destroy = destroy };

/* The pool, with its threads at work. */
static Pool *started_pool(void) {
    Pool *pool = context_slot(&slot);
    if (pool->threads == 0)
        set_threads(pool, 0);
    return pool;
}

/* A nested loop stays on its worker; its blocks are numbered 0 as far as it can tell. */
static void run_here(const Job *job) {
    int was_inside = inside_loop;
    inside_loop = 1;
    job->body(job->context, 0, job->n, 0);
    inside_loop = was_inside;
}

static void run_on_all(Pool *pool, Job *job) {
    pthread_mutex_lock(&pool->lock);
    pool->job = job;
    pool->busy = pool->threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    run_share(job, 0, pool->threads);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->finish, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void run(Job *job) {
    if (job->n == 0)
        return;
    Pool *pool = inside_loop || job->n == 1 ? NULL : started_pool();
    if (!pool || pool->threads == 1)
        run_here(job);
    else
        run_on_all(pool, job);
}

/* ---- Public ---------------------------------------------------------------------------------- */

void parallel_set_threads(int threads) {
    set_threads(context_slot(&slot), threads);
}

int parallel_threads(void) {
    return started_pool()->threads;
}

int parallel_inside(void) {
    return inside_loop;
}

void parallel_for(size_t n, ParallelBody *body, void *context) {
    Job job = { .body = body, .context = context, .n = n };
    run(&job);
}

void parallel_for_dynamic(size_t n, size_t chunk, ParallelBody *body, void *context) {
    Job job = { .body = body, .context = context, .n = n, .chunk = chunk ? chunk : 1 };
    run(&job);
}
