/* Two sessions in one process: each a Lua state with its context, opened as main.c opens its one.
 */
#include "bind/bind.h"
#include "bind/libraries.h"
#include "core/context.h"
#include "core/notes.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/session.h"
#include "host/chunk.h"
#include "host/execute.h"
#include "host/interrupt.h"
#include "host/paths.h"
#include "host/progress_bar.h"
#include "host/source.h"

#include <lualib.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

typedef struct Session {
    Context *context;
    lua_State *L;
} Session;

typedef struct Settings {
    uint64_t seed;
    int threads;
} Settings;

static int open_everything(lua_State *L) {
    luaL_openlibs(L);
    const char *lua_dir = paths_find_lua(L);
    open_libraries(L);
    interrupt_install(L, lua_dir, false);
    execute_install(L);
    chunk_set_frames(lua_dir);
    progress_bar_install(true);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "perigee.init");
    lua_call(L, 1, 0);
    return 0;
}

static Session open_session(Settings settings) {
    Session session = { context_new(NULL), NULL };
    Context *before = context_enter(session.context);
    session.L = luaL_newstate();
    parallel_set_threads(settings.threads);
    session_start(settings.seed);
    lua_pushcfunction(session.L, open_everything);
    if (lua_pcall(session.L, 0, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(session.L, -1));
    context_enter(before);
    return session;
}

static void close_session(Session *session) {
    Context *before = libraries_enter(session->L);
    lua_close(session->L);
    context_enter(before);
    context_free(session->context);
}

/* Run the text. Its answer (or message) as text lies on the state's stack until the next. */
static const char *run(const Session *session, const char *text) {
    lua_State *L = session->L;
    Context *before = libraries_enter(L);
    lua_settop(L, 0);
    if (source_load(L, text, strlen(text), "=test") == LUA_OK)
        chunk_call(L, 0, 1);
    const char *answer = luaL_tolstring(L, -1, NULL);
    context_enter(before);
    return answer;
}

/* ---- Streams of random numbers, threads ------------------------------------------------------ */

static const char draw[] = "return array.rand(1):at(1)";

static void test_streams(void **state) {
    (void)state;
    enum { DRAWS = 5 };
    const Settings settings[2] = { { 1, 1 }, { 2, 1 } };
    char alone[2][DRAWS][64];
    for (int s = 0; s < 2; s++) {
        Session session = open_session(settings[s]);
        for (int i = 0; i < DRAWS; i++)
            snprintf(alone[s][i], sizeof alone[s][i], "%s", run(&session, draw));
        close_session(&session);
    }
    Session one = open_session(settings[0]), two = open_session(settings[1]);
    for (int i = 0; i < DRAWS; i++) {
        assert_string_equal(run(&one, draw), alone[0][i]);
        assert_string_equal(run(&two, draw), alone[1][i]);
        assert_string_not_equal(alone[0][i], alone[1][i]);
    }
    assert_string_equal(run(&one, "return perigee.facts().seed"), "1");
    assert_string_equal(run(&two, "return perigee.facts().seed"), "2");
    close_session(&one);
    close_session(&two);
}

static void test_threads(void **state) {
    (void)state;
    static const char count[] = "return perigee.facts().threads";
    int own = parallel_threads();
    Session one = open_session((Settings){ 1, 1 }), two = open_session((Settings){ 1, 3 });
    assert_string_equal(run(&one, count), "1");
    assert_string_equal(run(&two, count), "3");
    close_session(&one);
    assert_string_equal(run(&two, count), "3");
    close_session(&two);
    assert_int_equal(parallel_threads(), own);
}

/* ---- Listeners, notes, interrupts ------------------------------------------------------------ */

static const char listen[] = "heard = 0; require('perigee.native').gnuplot.listen("
                             "function() heard = heard + 1 end)";
static const char make_steps[] = "heard = 0; data.digits(10, { seed = 1 }); return heard > 0";

static void test_listeners(void **state) {
    (void)state;
    Session one = open_session((Settings){ 1, 1 }), two = open_session((Settings){ 1, 1 });
    run(&one, listen);
    run(&two, listen);
    assert_string_equal(run(&one, make_steps), "true");
    assert_string_equal(run(&two, "return heard"), "0");
    assert_string_equal(run(&two, make_steps), "true");
    close_session(&one); /* while it listens */
    assert_string_equal(run(&two, make_steps), "true");
    close_session(&two);
}

static void test_room_for_arrays(void **state) {
    (void)state;
    static const char print[] = "return tostring(array.zeros(200))";
    Session one = open_session((Settings){ 1, 1 }), two = open_session((Settings){ 1, 1 });
    char before[2048];
    snprintf(before, sizeof before, "%s", run(&two, print));
    run(&one, "perigee.print_room(40, 2)");
    assert_string_not_equal(run(&one, print), before);
    assert_string_equal(run(&two, print), before);
    close_session(&one);
    close_session(&two);
}

static bool is_asked_to_stop(const Session *session) {
    Context *before = libraries_enter(session->L);
    bool asked = progress_interrupt_pending();
    context_enter(before);
    return asked;
}

static void forget(const Session *session) {
    Context *before = libraries_enter(session->L);
    interrupt_clear(session->L);
    context_enter(before);
}

static void ask_to_stop(const Session *session) {
    Context *before = libraries_enter(session->L);
    progress_interrupt();
    context_enter(before);
}

static const char *note_of(const Session *session) {
    Context *before = libraries_enter(session->L);
    const char *note = note_left();
    context_enter(before);
    return note;
}

static void test_notes(void **state) {
    (void)state;
    Session one = open_session((Settings){ 1, 1 }), two = open_session((Settings){ 1, 1 });
    ask_to_stop(&one);
    assert_string_equal(run(&one, "return #data.digits(9000, { seed = 1 })"), "4096");
    assert_string_equal(run(&two, "return #data.digits(9000, { seed = 1 })"), "9000");
    assert_string_equal(note_of(&one), "stopped; 4096 of the 9000 digits were drawn");
    assert_string_equal(note_of(&two), "");
    ask_to_stop(&two);
    assert_string_equal(run(&two, "return #data.digits(5000, { seed = 1 })"), "4096");
    assert_string_equal(note_of(&two), "stopped; 4096 of the 5000 digits were drawn");
    assert_string_equal(note_of(&one), "stopped; 4096 of the 9000 digits were drawn");
    forget(&one);
    assert_string_equal(note_of(&one), "");
    assert_string_not_equal(note_of(&two), "");
    close_session(&one);
    close_session(&two);
}

static void (*answer_at_start)(int); /* what SIGINT meant */

static void (*answer_now(void))(int) {
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    return now.sa_handler;
}

/* SIGINT is for the newest session that is open, whichever runs. */
static void test_foreground(void **state) {
    (void)state;
    assert_true(answer_now() == answer_at_start);
    Session one = open_session((Settings){ 1, 1 }), two = open_session((Settings){ 1, 1 });
    Session three = open_session((Settings){ 1, 1 });
    assert_true(answer_now() != answer_at_start);
    raise(SIGINT);
    assert_false(is_asked_to_stop(&one));
    assert_false(is_asked_to_stop(&two));
    assert_true(is_asked_to_stop(&three));
    assert_string_equal(run(&one, "return 1"), "1");
    assert_non_null(strstr(run(&three, "return 1"), "interrupted"));
    forget(&three);
    close_session(&two); /* which is in the middle */
    close_session(&three);
    assert_false(is_asked_to_stop(&one));
    raise(SIGINT);
    assert_true(is_asked_to_stop(&one));
    close_session(&one);
    assert_true(answer_now() == answer_at_start);
}

/* ---- A job, alone and beside another --------------------------------------------------------- */

/* A net and a defence fitted to a few digits, and attacked; yields what each step found. */
static const char job[] =
    "return coroutine.wrap(function()\n"
    "  local function bits(a)\n"
    "    local words = {}\n"
    "    for i, v in ipairs(a:reshape(-1):totable()) do words[i] = ('%a'):format(v) end\n"
    "    return table.concat(words, ' ')\n"
    "  end\n"
    "  local known, test = data.digits(240):split(0.8)\n"
    "  coroutine.yield(bits(test.x))\n"
    "  local net = nn.new { input = { 784 }, nn.linear { out = 32 }, nn.relu(),\n"
    "                       nn.linear { out = 10 } }\n"
    "  nn.train(net, known, { epochs = 2, batch = 16, lr = 0.1 })\n"
    "  assert(net:clone().kind == 'net')\n"
    "  coroutine.yield(bits(net:scores(test)))\n"
    "  local defence = dnr.new { net = net, layers = { 'relu1' },\n"
    "    layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },\n"
    "    combiner = svm.new { kernel = svm.rbf(1), C = 0.1 } }\n"
    "  defence:fit(known)\n"
    "  defence.threshold = defence:threshold_for(0.1, test)\n"
    "  coroutine.yield(bits(defence:scores(test)))\n"
    "  local result = attack.pgd_exp { model = defence, norm = 'l2', dmax = 2, eta = 0.1,\n"
    "                                  max_iter = 8 }:run(test)\n"
    "  coroutine.yield(bits(result.x_adv))\n"
    "  return 'done'\n"
    "end)";

enum { STEPS = 5, ANSWER = 1 << 20 };

typedef struct Job {
    const Session *session;
    char answer[STEPS][ANSWER];
} Job;

static void start_job(Job *work, const Session *session) {
    work->session = session;
    Context *before = libraries_enter(session->L);
    lua_settop(session->L, 0);
    luaL_loadstring(session->L, job);
    chunk_call(session->L, 0, 1);
    context_enter(before);
}

/* The coroutine stays at the bottom of the state's stack. */
static void do_step(Job *work, int step) {
    lua_State *L = work->session->L;
    Context *before = libraries_enter(L);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    chunk_call(L, 0, 1);
    snprintf(work->answer[step], ANSWER, "%s", luaL_tolstring(L, -1, NULL));
    context_enter(before);
}

static void *do_job(void *argument) {
    Job *work = argument;
    for (int step = 0; step < STEPS; step++)
        do_step(work, step);
    return NULL;
}

static const Settings settings_of_jobs[2] = { { 11, 1 }, { 12, 3 } };
static Job alone[2], beside[2];

static int run_alone(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        Session session = open_session(settings_of_jobs[i]);
        start_job(&alone[i], &session);
        do_job(&alone[i]);
        close_session(&session);
    }
    return 0;
}

static void check_as_alone(void) {
    for (int i = 0; i < 2; i++)
        for (int step = 0; step < STEPS; step++)
            assert_string_equal(beside[i].answer[step], alone[i].answer[step]);
}

static void test_alone(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_string_equal(alone[i].answer[STEPS - 1], "done");
    for (int step = 0; step + 1 < STEPS; step++)
        assert_string_not_equal(alone[0].answer[step], alone[1].answer[step]);
}

static void test_in_turn(void **state) {
    (void)state;
    Session session[2];
    for (int i = 0; i < 2; i++) {
        session[i] = open_session(settings_of_jobs[i]);
        start_job(&beside[i], &session[i]);
    }
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < 2; i++)
            do_step(&beside[i], step);
    check_as_alone();
    for (int i = 0; i < 2; i++)
        close_session(&session[i]);
}

static void test_at_the_same_time(void **state) {
    (void)state;
    Session session[2];
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        session[i] = open_session(settings_of_jobs[i]);
        start_job(&beside[i], &session[i]);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, do_job, &beside[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    check_as_alone();
    for (int i = 0; i < 2; i++)
        close_session(&session[i]);
}

/* From opening to closing on a thread of its own. */
static void *live(void *argument) {
    Job *work = argument;
    Session session = open_session(settings_of_jobs[work - beside]);
    start_job(work, &session);
    do_job(work);
    close_session(&session);
    return NULL;
}

static void test_whole_lives(void **state) {
    (void)state;
    pthread_t thread[2];
    memset(beside, 0, sizeof beside);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, live, &beside[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    check_as_alone();
}

static void test_closing_one(void **state) {
    (void)state;
    Session session[2];
    for (int i = 0; i < 2; i++) {
        session[i] = open_session(settings_of_jobs[i]);
        start_job(&beside[i], &session[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        do_step(&beside[1], step);
        if (step < 2)
            do_step(&beside[0], step);
        if (step == 2)
            close_session(&session[0]);
        assert_string_equal(beside[1].answer[step], alone[1].answer[step]);
    }
    close_session(&session[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_room_for_arrays),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_foreground),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_in_turn),
        cmocka_unit_test(test_at_the_same_time),
        cmocka_unit_test(test_whole_lives),
        cmocka_unit_test(test_closing_one),
    };
    answer_at_start = answer_now();
    return cmocka_run_group_tests(tests, run_alone, NULL);
}
