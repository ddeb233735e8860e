#include "core/parallel.h"

#include "core/context.h"
#include "core/progress.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_THREADS = 256 };

typedef struct Job {
    ParallelBody *body;
    void *context;
    size_t n, piece;
    atomic_size_t next; /* the first item of the next piece to hand out */
    bool may_give_up;
    double started;
    atomic_bool given_up;
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

/* Take pieces until none is left. */
static void run_pieces(Job *job, int worker) {
    int was_inside = inside_loop;
    size_t first;
    inside_loop = 1;
    while ((first = atomic_fetch_add(&job->next, job->piece)) < job->n) {
        if (job->may_give_up && progress_gives_up(job->started)) {
            atomic_store(&job->given_up, true);
            break;
        }
        size_t left = job->n - first;
        job->body(job->context, first, first + (left < job->piece ? left : job->piece), worker);
        progress_let_attend();
    }
    inside_loop = was_inside;
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
        pthread_mutex_unlock(&pool->lock);
        run_pieces(job, (int)(self - pool->worker));
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

static void run_on_all(Pool *pool, Job *job) {
    pthread_mutex_lock(&pool->lock);
    pool->job = job;
    pool->busy = pool->threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    run_pieces(job, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->finish, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
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

size_t parallel_piece(size_t about, size_t each) {
    return each < about ? about / (each ? each : 1) : 1;
}

size_t parallel_pieces(size_t n, size_t piece) {
    return n / piece + (n % piece != 0);
}

/* A nested loop stays on its worker, which is number 0 as far as the loop can tell. */
static void run(Job *job) {
    if (job->piece == 0)
        job->piece = 1;
    if (job->piece > job->n)
        job->piece = job->n; /* `next` stays in range */
    Pool *pool = inside_loop || job->n <= job->piece ? NULL : started_pool();
    if (!pool || pool->threads == 1)
        run_pieces(job, 0);
    else
        run_on_all(pool, job);
}

void parallel_for(size_t n, size_t piece, ParallelBody *body, void *context) {
    run(&(Job){ .body = body, .context = context, .n = n, .piece = piece });
}

bool parallel_try(size_t n, size_t piece, ParallelBody *body, void *context) {
    Job job = { .body = body,
                .context = context,
                .n = n,
                .piece = piece,
                .may_give_up = true,
                .started = progress_clock() };
    run(&job);
    return !atomic_load(&job.given_up);
}
