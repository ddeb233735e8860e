#include "repl.h"

#include "bind/versions.h"
#include "core/progress.h"
#include "host/chunk.h"
#include "host/interrupt.h"
#include "host/line.h"
#include "host/locals.h"
#include "host/paths.h"
#include "host/source.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char NAME[] = "=prompt";

/* What has been typed of the statement so far, lines with their newlines between. */
typedef struct Input {
    char *text;
    size_t length;
    bool ended;   /* no more is read: the user has left */
    bool stopped; /* the last statement was, by Ctrl-C */
} Input;

/* ---- The Lua half (lua/perigee/prompt.lua) --------------------------------------------------- */

/* Push prompt.NAME; the module is loaded by then. */
static void push_prompt_function(lua_State *L, const char *name) {
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.require");
    lua_pushliteral(L, "perigee.prompt");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* Call prompt.NAME with the `arguments` values on top of the stack; an error is reported. */
static bool call_prompt(lua_State *L, const char *name, int arguments, int results) {
    push_prompt_function(L, name);
    lua_insert(L, -arguments - 1);
    if (chunk_call(L, arguments, results) == LUA_OK)
        return true;
    chunk_report(L);
    return false;
}

/* What prompt.NAME says of the line, yes or no; `failed` where it fails. */
static bool ask_prompt(lua_State *L, const char *name, const char *line, bool failed) {
    lua_pushstring(L, line);
    if (!call_prompt(L, name, 1, 1))
        return failed;
    bool answer = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return answer;
}

/* ---- Completion ------------------------------------------------------------------------------ */

/* Copy the list of words at index −3 of the stack. */
static void take_words(lua_State *L, LineChoices *choices) {
    size_t count = lua_rawlen(L, -3);
    choices->word = calloc(count + 1, sizeof *choices->word);
    for (size_t i = 0; choices->word && i < count; i++) {
        lua_rawgeti(L, -3, (lua_Integer)i + 1);
        const char *word = lua_tostring(L, -1);
        char *copy = word ? strdup(word) : NULL;
        lua_pop(L, 1);
        if (copy)
            choices->word[choices->count++] = copy;
    }
}

/* What readline's Tab finds: the state, and the lines above of an unfinished statement. */
typedef struct Completing {
    lua_State *L;
    const Input *input;
} Completing;

typedef struct Tab {
    const Input *input;
    const char *before;
    LineChoices *choices;
} Tab;

static int answer_tab(lua_State *L) {
    const Tab *tab = lua_touserdata(L, 1);
    const Input *input = tab->input;
    push_prompt_function(L, "complete");
    lua_pushlstring(L, input->length ? input->text : "", input->length);
    lua_pushfstring(L, "%s%s", input->length ? "\n" : "", tab->before);
    lua_concat(L, 2);
    lua_call(L, 1, 3);
    if (lua_istable(L, -3)) {
        tab->choices->replaced = (size_t)lua_tointeger(L, -2);
        tab->choices->want_files = lua_toboolean(L, -1);
        take_words(L, tab->choices);
    }
    return 0;
}

/* Readline calls it: nothing may be raised, and a mistake must not disturb the line being typed. */
static void complete(const void *context, const char *before, LineChoices *choices) {
    const Completing *completing = context;
    lua_State *L = completing->L;
    Tab tab = { completing->input, before, choices };
    lua_pushcfunction(L, answer_tab);
    lua_pushlightuserdata(L, &tab);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* ---- Reading a statement --------------------------------------------------------------------- */

/* Add a line; false without memory. */
static bool append(Input *input, const char *line) {
    size_t more = strlen(line), newline = input->length > 0;
    char *text = realloc(input->text, input->length + newline + more + 1);
    if (!text)
        return false;
    if (newline)
        text[input->length++] = '\n';
    memcpy(text + input->length, line, more + 1);
    input->text = text;
    input->length += more;
    return true;
}

/* Lua itself says whether a text is only unfinished: its complaint ends at the end of file. */
static bool is_unfinished(lua_State *L, int message_index, int status) {
    static const char mark[] = "<eof>";
    size_t length, tail = sizeof mark - 1;
    const char *message = status == LUA_ERRSYNTAX ? lua_tolstring(L, message_index, &length) : NULL;
    return message && length >= tail && strcmp(message + length - tail, mark) == 0;
}

/* The text as an expression, else as statements; pushes the function or Lua's complaint, an
 * unfinished expression's first: as a statement "1 +" or "{" would be called wrong. */
static int load_input(lua_State *L, const Input *input) {
    const char *expression = lua_pushfstring(L, "return %s", input->text);
    int status = source_load(L, expression, strlen(expression), NAME);
    lua_remove(L, -2);
    if (status == LUA_OK)
        return status;
    int as_statements = source_load(L, input->text, input->length, NAME);
    if (as_statements == LUA_OK || !is_unfinished(L, -2, status)) {
        lua_remove(L, -2);
        return as_statements;
    }
    lua_pop(L, 1);
    return status;
}

/* ---- Running it ------------------------------------------------------------------------------ */

/* A line that ends in ";" is not printed. */
static bool is_muted(const Input *input) {
    size_t end = input->length;
    while (end > 0 && strchr(" \t\r\n", input->text[end - 1]))
        end--;
    return end > 0 && input->text[end - 1] == ';';
}

static void run_input(lua_State *L, Input *input, int load_status) {
    int base = lua_gettop(L) - 1;
    call_prompt(L, "fit_terminal", 0, 0);
    double start = progress_clock();
    bool ran = load_status == LUA_OK && chunk_call(L, 0, LUA_MULTRET) == LUA_OK;
    input->stopped = progress_interrupt_pending();
    if (!ran) {
        chunk_report(L);
    } else {
        if (input->stopped)
            interrupt_report();
        interrupt_clear(L);
        luaL_checkstack(L, LUA_MINSTACK, "too many values"); /* beside those that the line gave */
        lua_pushboolean(L, is_muted(input));
        lua_insert(L, base + 1);
        lua_pushnumber(L, progress_clock() - start);
        lua_insert(L, base + 2);
        if (call_prompt(L, "done", lua_gettop(L) - base, 0)) {
            lua_pushstring(L, input->text);
            call_prompt(L, "note", 1, 0);
        }
    }
    lua_settop(L, base);
    interrupt_clear(L);
    fflush(stdout);
}

/* A line that is no Lua: a question, which is answered, or a wish to leave. */
static bool is_command(lua_State *L, Input *input, const char *line) {
    input->ended = ask_prompt(L, "leaves", line, false);
    if (!input->ended && !ask_prompt(L, "query", line, true))
        return false;
    line_remember(line);
    fflush(stdout);
    return true;
}

/* One more line: ask about it, wait for the rest, or run what is complete. */
static void take_line(lua_State *L, Input *input, const char *line) {
    if (input->length == 0 && is_command(L, input, line))
        return;
    if (!append(input, line)) {
        fputs("perigee: not enough memory for this line\n", stderr);
        input->length = 0;
        return;
    }
    int status = load_input(L, input);
    if (is_unfinished(L, -1, status)) {
        lua_pop(L, 1);
        return;
    }
    line_remember(input->text);
    run_input(L, input, status);
    input->length = 0;
}

/* ---- Pasted conversations ---------------------------------------------------------------------
 */

/* A statement as the prompt would have shown it. */
static void echo(const char *statement) {
    fputs("> ", stdout);
    for (const char *at = statement; *at; at++) {
        putchar(*at);
        if (*at == '\n')
            fputs(">> ", stdout);
    }
    putchar('\n');
}

/* The statements in the list at `index`, of which the first may belong to what has begun. */
static void take_statements(lua_State *L, Input *input, int index, bool continues) {
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    bool shown = count > 1 && isatty(STDIN_FILENO);
    for (lua_Integer i = 1; i <= count && !input->ended; i++) {
        if (i > 1 || !continues)
            input->length = 0;
        lua_rawgeti(L, index, i);
        if (shown)
            echo(lua_tostring(L, -1));
        input->stopped = false;
        take_line(L, input, lua_tostring(L, -1));
        lua_pop(L, 1);
        if (input->stopped && i < count) {
            fputs("(what was pasted after it is left out)\n", stderr);
            break;
        }
    }
}

/* What was typed or pasted: Lua as it is, or statements with the prompt's own marks ahead of them.
 */
static void take(lua_State *L, Input *input, const char *text) {
    int top = lua_gettop(L);
    lua_pushstring(L, text);
    lua_pushlstring(L, input->length ? input->text : "", input->length);
    lua_pushboolean(L, isatty(STDIN_FILENO));
    if (call_prompt(L, "statements", 3, 2) && lua_istable(L, top + 1))
        take_statements(L, input, top + 1, lua_toboolean(L, top + 2));
    else
        take_line(L, input, text);
    lua_settop(L, top);
}

typedef struct Typed {
    Input *input;
    const char *text;
} Typed;

static int take_protected(lua_State *L) {
    const Typed *typed = lua_touserdata(L, 1);
    take(L, typed->input, typed->text);
    return 0;
}

/* ---- The session ----------------------------------------------------------------------------- */

/* The user's own init.lua, if there is one. Its errors are shown and the prompt starts anyway.
 */
static void run_init_file(lua_State *L) {
    char path[4096];
    if (!paths_of_user("XDG_CONFIG_HOME", ".config", "init.lua", path, sizeof path) ||
        access(path, R_OK) != 0)
        return;
    if (luaL_loadfilex(L, path, "t") != LUA_OK || chunk_call(L, 0, 0) != LUA_OK)
        chunk_report(L);
    interrupt_clear(L);
}

static void open_lines(const Completing *completing) {
    char path[4096];
    const char *own = getenv("PERIGEE_HISTORY");
    const char *history = own;
    if (!own && paths_of_user("XDG_STATE_HOME", ".local/state", "history", path, sizeof path))
        history = path;
    line_open(history, complete, completing);
}

void repl_run(lua_State *L, const ReplOptions *options) {
    bool terminal = isatty(STDIN_FILENO);
    Input input = { 0 };
    if (!call_prompt(L, "start", 0, 0))
        return;
    Completing completing = { L, &input };
    open_lines(&completing);
    if (options->init_file)
        run_init_file(L);
    locals_push(L);
    lua_pushstring(L, options->after);
    call_prompt(L, "hand_over", 2, 0);
    if (terminal && !options->quiet)
        printf("Perigee %s — ? for help, Tab completes, Ctrl-D leaves\n", versions_perigee());
    while (!input.ended) {
        char *line;
        fflush(stdout);
        LineStatus status = line_read(input.length ? ">> " : "> ", &line);
        if (status == LINE_END) {
            if (terminal)
                putchar('\n');
            break;
        }
        if (status == LINE_INTERRUPTED) {
            interrupt_clear(L);
            input.length = 0;
            continue;
        }
        Typed typed = { &input, line };
        if (!chunk_protect(L, take_protected, &typed)) {
            interrupt_clear(L);
            input.length = 0;
        }
        free(line);
    }
    free(input.text);
}
