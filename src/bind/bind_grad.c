#include "bind/bind_grad.h"

#include "bind/bind_array.h"
#include "grad/operations.h"
#include "grad/tape.h"

#include <stdlib.h>
#include <string.h>

/* Of a Lua state. */
typedef struct GradRecorder {
    GradFrame *innermost; /* first: bind_records reads it */
} GradRecorder;

static GradRecorder *recorder(lua_State *L) {
    return *(GradRecorder **)lua_getextraspace(L);
}

/* The frame that records now, or NULL. */
static GradFrame *recording(lua_State *L) {
    GradFrame *frame = recorder(L)->innermost;
    return frame && frame->tape ? frame : NULL;
}

/* ---- What is told ---------------------------------------------------------------------------- */

static void forget(GradFrame *frame) {
    if (frame->attributes && frame->operation)
        frame->operation->forget(frame->attributes);
    free(frame->attributes);
    frame->operation = NULL;
    frame->attributes = NULL;
    frame->name = NULL;
    frame->input = NULL;
    frame->inputs = 0;
}

bool bind_wants_attributes(lua_State *L) {
    const GradFrame *frame = recording(L);
    return frame && frame->wants;
}

void bind_tell_owned(lua_State *L, const Operation *operation, void *attributes) {
    GradFrame *frame = recording(L);
    forget(frame);
    frame->operation = operation;
    frame->attributes = attributes;
}

/* Room for attributes of so many bytes; NULL where nobody listens. */
static void *attributes_of(lua_State *L, size_t bytes) {
    GradFrame *frame = recording(L);
    if (!frame || !frame->wants)
        return NULL;
    forget(frame);
    frame->attributes = malloc(bytes ? bytes : 1);
    if (!frame->attributes)
        bind_error(L, "grad: not enough memory");
    return frame->attributes;
}

void bind_tell(lua_State *L, const void *attributes, size_t bytes) {
    void *own = bind_records(L) ? attributes_of(L, bytes) : NULL;
    if (own)
        memcpy(own, attributes, bytes);
}

void bind_tell_chosen(lua_State *L, int axis, const size_t *position, size_t count) {
    Chosen *chosen = NULL;
    if (bind_records(L))
        chosen = attributes_of(L, sizeof *chosen + count * sizeof *position);
    if (!chosen)
        return;
    chosen->axis = axis;
    chosen->count = count;
    memcpy(chosen->position, position, count * sizeof *position);
}

void bind_tell_inputs(lua_State *L, const Array *const *input, size_t count) {
    GradFrame *frame = recording(L);
    if (!frame || !frame->wants)
        return;
    frame->input = input;
    frame->inputs = count;
}

void bind_tell_operation(lua_State *L, const char *name) {
    GradFrame *frame = recording(L);
    if (frame && frame->wants)
        frame->name = name;
}

/* ---- What is traced -------------------------------------------------------------------------- */

typedef enum Traced { NOT_TRACED, TRACED, TRACED_OUTSIDE } Traced;

/* By the innermost frame, or by one outside of it alone? */
static Traced who_traces(lua_State *L, const Array *a) {
    const GradFrame *frame = recorder(L)->innermost;
    if (a->trace.tape == 0 || !frame)
        return NOT_TRACED;
    if (frame->tape && tape_knows(frame->tape, a))
        return TRACED;
    for (frame = frame->below; frame; frame = frame->below)
        if (frame->tape && tape_knows(frame->tape, a))
            return TRACED_OUTSIDE;
    return NOT_TRACED;
}

static void refuse_outside(lua_State *L) {
    bind_error(L, "this array is traced by grad outside of the call that this is part of; "
                  "gradients of gradients are not computed, and what C or a straight_through calls "
                  "is not recorded: grad.stop(x) is a constant with its numbers");
}

bool bind_is_traced(lua_State *L, const Array *a) {
    Traced traced = who_traces(L, a);
    if (traced == TRACED_OUTSIDE)
        refuse_outside(L);
    return traced == TRACED;
}

enum { DEEPEST = 4 }; /* lists in lists, options in them */

/* What is found in the arguments. */
typedef struct Touched {
    int depth;    /* of a traced array: 1 an argument itself, 2 in a list, …; 0: there is none */
    bool outside; /* one is traced outside */
} Touched;

static void find_traced(lua_State *L, int arg, int depth, Touched *touched) {
    if (lua_type(L, arg) == LUA_TUSERDATA) {
        const Array *a = bind_test_array(L, arg);
        Traced traced = a ? who_traces(L, a) : NOT_TRACED;
        if (traced == TRACED && depth > touched->depth)
            touched->depth = depth;
        touched->outside = touched->outside || traced == TRACED_OUTSIDE;
        return;
    }
    if (lua_type(L, arg) != LUA_TTABLE || depth == DEEPEST)
        return;
    arg = lua_absindex(L, arg);
    luaL_checkstack(L, 4, NULL);
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1))
        find_traced(L, -1, depth + 1, touched);
}

static Touched find_touched(lua_State *L) {
    Touched touched = { 0 };
    for (int arg = 1, top = lua_gettop(L); arg <= top; arg++)
        find_traced(L, arg, 1, &touched);
    return touched;
}

/* ---- What is refused ------------------------------------------------------------------------- */

/* Does it write into its first argument? Written into are "add_", and these. */
static bool writes(const char *name) {
    static const char *const writers[] = { "set", "put", "assign", "fill", "array" };
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (strcmp(name, writers[i]) == 0)
            return true;
    return name[strlen(name) - 1] == '_';
}

static bool is_held(lua_State *L, const Array *a) {
    for (const GradFrame *frame = recorder(L)->innermost; frame; frame = frame->below)
        if (frame->tape && tape_holds(frame->tape, a))
            return true;
    return false;
}

/* A function that writes, whose gradient would be another's afterwards. */
static void check_writing(lua_State *L, bool touched) {
    const Array *target = bind_test_array(L, 1);
    if (target && bind_is_traced(L, target))
        bind_error(L, "a traced array cannot be written into: make a new one (x + y for "
                      "x:add_(y); array.where or concatenate for x[i] = y)");
    if (touched)
        bind_error(L, "what a traced array is written into forgets where its numbers came from: "
                      "make a new array (array.where, concatenate, stack), or write grad.stop(x)");
    if (target && is_held(L, target))
        bind_error(L, "the gradient still needs this array's numbers: write into a copy, "
                      "x:copy()");
}

static bool is_of(const char *where, const char *library) {
    size_t n = strlen(library);
    return strncmp(where, library, n) == 0 && (where[n] == '.' || where[n] == ':');
}

static const Operation *operation_of(const BindFunction *function, const char *where) {
    bool arrays = is_of(where, "array") || is_of(where, "nn");
    const Operation *operation = operation_find(function->name);
    bool models = operation && (operation->forget || !operation->pull);
    return operation && (arrays || models) ? operation : NULL;
}

static void refuse(lua_State *L, const char *where) {
    if (strstr(where, "totable"))
        bind_error(L, "a table forgets where its numbers came from; grad.stop(x):totable() says "
                      "that it may, and x:item() is one number");
    bind_error(L, "it has no gradient, and got a traced array: grad.stop(x) is a constant with its "
                  "numbers; help \"grad\" lists what can be differentiated");
}

/* ---- Recording ------------------------------------------------------------------------------- */

/* The number on top becomes a traced scalar to be. */
static void box_scalar(lua_State *L) {
    double value = lua_tonumber(L, -1);
    Array *scalar = bind_push_new_array(L, "grad", DTYPE_F64, &(Sizes){ .ndim = 0 });
    *array_f64(scalar) = value;
    scalar->origin = ORIGIN_FLOATS;
    lua_replace(L, -2);
}

enum { MOST_ARGUMENTS = 4 };

/* The arguments 1 … as arrays; what is made for a number stays on the stack. */
static size_t arguments(lua_State *L, int count, const Array *input[MOST_ARGUMENTS]) {
    for (int k = 0; k < count; k++) {
        if ((input[k] = bind_test_array(L, k + 1)) != NULL)
            continue;
        lua_pushnumber(L,
                       lua_isboolean(L, k + 1) ? lua_toboolean(L, k + 1) : lua_tonumber(L, k + 1));
        box_scalar(L);
        input[k] = bind_test_array(L, -1);
    }
    return (size_t)count;
}

/* The line of the caller at this level; none where the function was called in tail position. */
static void find_line(lua_State *L, int level, lua_Debug *call) {
    call->currentline = 0;
    if (!lua_getstack(L, level, call) || !lua_getinfo(L, "Sl", call) || call->currentline < 0)
        call->currentline = 0;
}

/* Numbers alone make numbers. */
static void set_origin(const Record *record) {
    bool plain = true;
    for (size_t k = 0; k < record->inputs; k++)
        plain = plain && array_is_plain(record->input[k]) && record->input[k]->ndim == 0;
    for (size_t o = 0; plain && o < record->outputs; o++)
        if (record->output[o]->ndim == 0)
            record->output[o]->origin = ORIGIN_FLOATS;
}

/* The arrays on top are `results` of the operation, of these inputs; asked for by the caller at
 * level record.line. */
static void record(lua_State *L, const Operation *operation, Record record, int results) {
    GradFrame *frame = recording(L);
    Array *output[NODE_OUTPUTS];
    lua_Debug call;
    Error err;
    find_line(L, record.line, &call);
    record.operation = operation;
    record.output = output;
    record.source = call.short_src;
    record.line = call.currentline;
    for (; (int)record.outputs < results && record.outputs < NODE_OUTPUTS; record.outputs++)
        output[record.outputs] = bind_test_array(L, (int)record.outputs - results);
    set_origin(&record);
    record.attributes = frame->attributes;
    frame->attributes = NULL;
    forget(frame);
    if (!tape_record(frame->tape, &record, &err))
        bind_raise(L, &err);
}

/* Every one of the results on top as an array. False: there is one that is none. */
static bool box_results(lua_State *L, int results) {
    for (int i = -results; i < 0; i++)
        if (lua_type(L, i) == LUA_TNUMBER) {
            lua_pushvalue(L, i);
            box_scalar(L);
            lua_replace(L, i - 1);
        } else if (!bind_test_array(L, i)) {
            return false;
        }
    return results > 0;
}

/* It went on all the time, unless a finalizer ran meanwhile that called functions of arrays, and
 * failed in one. */
static void end_listening(lua_State *L, GradFrame *frame) {
    if (!frame->wants)
        bind_error(L, "it could not be recorded, since a finalizer (__gc) failed meanwhile");
    frame->wants = false;
}

/* The same for a function that is not recorded: what it tells, a finalizer's perhaps, is not heard.
 */
static int call_unheard(lua_State *L, const BindFunction *function) {
    GradFrame *frame = recording(L);
    bool wanted = frame && frame->wants;
    if (frame)
        frame->wants = false;
    int results = function->call(L);
    if (frame)
        frame->wants = wanted;
    return results;
}

static int call_recorded(lua_State *L, const BindFunction *function, const Operation *operation) {
    GradFrame *frame = recording(L);
    const Array *input[MOST_ARGUMENTS];
    forget(frame);
    frame->wants = true;
    int results = function->call(L);
    end_listening(L, frame);
    luaL_checkstack(L, MOST_ARGUMENTS + results + 8, NULL);
    if (!box_results(L, results)) {
        forget(frame);
        return results;
    }
    int base = lua_gettop(L);
    if (frame->name)
        operation = operation_find(frame->name);
    Record told = { .input = frame->input, .inputs = frame->inputs, .line = 1 };
    if (!frame->input) {
        told.input = input;
        told.inputs = arguments(L, operation->inputs, input);
    }
    for (int i = 1; i <= results; i++)
        lua_pushvalue(L, base - results + i);
    record(L, operation, told, results);
    lua_settop(L, base);
    return results;
}

int bind_grad_call(lua_State *L, const BindFunction *function, const char *where) {
    if (strcspn(where, ".:") == strlen(where) && strcmp(where, "array") != 0)
        return call_unheard(L, function); /* the program's own */
    Touched touched = find_touched(L);
    if (writes(function->name) && (is_of(where, "array") || strcmp(where, "array") == 0))
        check_writing(L, touched.depth > 0);
    if (!touched.depth && !touched.outside)
        return call_unheard(L, function);
    const Operation *operation = operation_of(function, where);
    if (touched.outside && !(operation && !operation->pull)) /* a constant it may be */
        refuse_outside(L);
    if (!operation)
        refuse(L, where);
    if (touched.depth > (operation->inputs == 0 ? 2 : 1) && operation->pull)
        bind_error(L, "a list of numbers forgets where those of a traced array came from; "
                      "array.stack{…} and array.concatenate{…} keep them");
    return operation->pull ? call_recorded(L, function, operation) : call_unheard(L, function);
}

bool bind_grad_hears(lua_State *L, const Array *x) {
    if (!bind_records(L) || !bind_is_traced(L, x) || !box_results(L, 1))
        return false;
    forget(recording(L));
    recording(L)->wants = true;
    return true;
}

void bind_grad_result(lua_State *L, const char *operation, const Array *x) {
    end_listening(L, recording(L));
    record(L, operation_find(operation), (Record){ .input = &x, .inputs = 1, .line = 1 }, 1);
}

void bind_grad_record(lua_State *L, const Operation *operation, const Array *x) {
    tape_mark_surrogate(recording(L)->tape);
    record(L, operation, (Record){ .input = &x, .inputs = 1, .line = 2 }, 1);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void enter(lua_State *L, GradFrame *frame, Tape *tape) {
    GradRecorder *r = recorder(L);
    *frame = (GradFrame){ .tape = tape, .below = r->innermost, .entered = true };
    r->innermost = frame;
}

static void leave(lua_State *L, GradFrame *frame) {
    forget(frame);
    recorder(L)->innermost = frame->below;
}

void bind_grad_suspend(lua_State *L, GradFrame *frame) {
    if (bind_records(L))
        enter(L, frame, NULL);
    else
        *frame = (GradFrame){ 0 };
}

void bind_grad_resume(lua_State *L, GradFrame *frame) {
    if (frame->entered)
        leave(L, frame);
}

void bind_grad_open(lua_State *L) {
    static const char key[] = "perigee.recorder";
    GradRecorder *r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (GradRecorder){ 0 };
    *(GradRecorder **)lua_getextraspace(L) = r;
    lua_setfield(L, LUA_REGISTRYINDEX, key);
}

static bool scalar_value(lua_State *L, int arg, double *value) {
    const Array *a = bind_test_array(L, arg);
    if (a && a->ndim == 0 && array_is_plain(a))
        *value = array_get(a, NULL);
    else if (lua_type(L, arg) == LUA_TNUMBER)
        *value = lua_tonumber(L, arg);
    else
        return false;
    return true;
}

bool bind_grad_compare(lua_State *L, double pair[2]) {
    return scalar_value(L, 1, &pair[0]) && scalar_value(L, 2, &pair[1]);
}

/* ---- For lua/perigee/grad.lua ---------------------------------------------------------------- */

static void release_tape(void *tape) {
    tape_free(tape);
}

static const BoxType tape_type = { .name = "perigee.tape",
                                   .shown = "a tape",
                                   .release = release_tape };

static Tape *check_tape(lua_State *L) {
    return bind_check(L, 1, &tape_type, "pull", "self");
}

/* grad.tape() → an empty one. */
static int new_tape(lua_State *L) {
    void **box = bind_new_box(L, &tape_type);
    BIND_TRY_MAKE(L, *box, tape_new(&err));
    return 1;
}

/* grad.input(tape, where, name, x) → x as an input of it; a number as a traced scalar. */
static int new_input(lua_State *L) {
    Tape *tape = check_tape(L);
    const char *where = luaL_checkstring(L, 2), *name = luaL_checkstring(L, 3);
    bool number = lua_type(L, 4) == LUA_TNUMBER;
    if (number)
        box_scalar(L);
    const Array *x = bind_check_array(L, 4, where, name);
    bool traced = false;
    for (const GradFrame *frame = recorder(L)->innermost; frame; frame = frame->below)
        traced = traced || (frame->tape && tape_knows(frame->tape, x));
    if (traced)
        return bind_error(L,
                          "%s: %s: gradients of gradients are not computed, and this array is "
                          "traced already; grad.stop(x) is a constant with its numbers",
                          where, name);
    if (dtype_is_whole(x->dtype))
        return bind_expected(L, 4, where, name, "an array of floats (x:astype \"f32\")");
    BIND_ARRAY_PUSH(L, tape_input(tape, x, &err));
    if (number)
        bind_test_array(L, -1)->origin = ORIGIN_FLOATS;
    return 1;
}

/* What was raised, on top. A yield gets its sentence. */
static int raise_again(lua_State *L, const char *where) {
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strstr(message, "attempt to yield"))
        return bind_error(L,
                          "%s: the function called coroutine.yield: what a tape records cannot be "
                          "left on the way",
                          where);
    return lua_error(L);
}

/* grad.call(tape, where, f, …) → what f returns; what it raises goes on as it is. Without a tape,
 * nil, nothing is recorded. */
static int call_function(lua_State *L) {
    GradFrame frame;
    const char *where = luaL_checkstring(L, 2);
    enter(L, &frame, lua_isnil(L, 1) ? NULL : check_tape(L));
    int status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 0);
    leave(L, &frame);
    return status == LUA_OK ? lua_gettop(L) - 2 : raise_again(L, where);
}

/* grad.backward(tape, y, w, keep) → the list of the inputs' gradients. */
static int backward(lua_State *L) {
    Tape *tape = check_tape(L);
    Backward way = { bind_test_array(L, 2), bind_test_array(L, 3), lua_toboolean(L, 4) };
    Error err;
    void **box = lua_touserdata(L, 1);
    *box = NULL; /* a backward written in Lua may close it, or go back itself */
    bool ok = tape_backward(tape, &way, &err);
    *box = tape;
    if (!ok)
        return bind_raise(L, &err);
    lua_createtable(L, (int)tape_inputs(tape), 0);
    for (size_t i = 0; i < tape_inputs(tape); i++) {
        bind_push_array(L, tape_gradient(tape, i, &err), &err);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* grad.stop(x) → a constant with its numbers; what is no array is one. */
static int stop(lua_State *L) {
    const Array *x = bind_test_array(L, 1);
    lua_settop(L, 1);
    if (!x)
        return 1;
    BIND_ARRAY_PUSH(L, array_share(x, &err));
    bind_test_array(L, -1)->origin = x->origin;
    return 1;
}

/* grad.traced(x): is it traced here? */
static int traced(lua_State *L) {
    const Array *x = bind_test_array(L, 1);
    lua_pushboolean(L, x && bind_records(L) && bind_is_traced(L, x));
    return 1;
}

/* grad.surrogate(tape): was a straight_through recorded? */
static int surrogate(lua_State *L) {
    lua_pushboolean(L, tape_is_surrogate(check_tape(L)));
    return 1;
}

/* grad.operations() → the names of what can be differentiated; of what passes as a constant. */
static int operations(lua_State *L) {
    const Operation *operation;
    lua_newtable(L);
    lua_newtable(L);
    for (size_t i = 0; (operation = operation_at(i)) != NULL; i++) {
        int list = operation->pull ? -2 : -1;
        lua_pushstring(L, operation->name);
        lua_rawseti(L, list - 1, (lua_Integer)lua_rawlen(L, list - 1) + 1);
    }
    return 2;
}

void bind_open_grad(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("tape", new_tape, 0),
        BIND("input", new_input, 4),
        BIND("call", call_function, BIND_ANY),
        BIND("backward", backward, 4),
        BIND("stop", stop, 1),
        BIND("traced", traced, 1),
        BIND("surrogate", surrogate, 1),
        BIND("operations", operations, 0),
        BIND("custom", bind_grad_custom, 3),
        BIND_LAST,
    };
    bind_new_owner(L, &tape_type);
    lua_newtable(L);
    bind_set_functions(L, functions);
}
