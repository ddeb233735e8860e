#include "repl.h"

#include "core/progress.h"
#include "host/chunk.h"
#include "host/interrupt.h"
#include "host/versions.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char NAME[] = "=prompt";

/* What has been typed of the statement so far. */
typedef struct Input {
    char *text, *line;
    size_t length, capacity, line_capacity;
} Input;

typedef enum Reading { READ_LINE, READ_INTERRUPTED, READ_END } Reading;

static Reading read_line(lua_State *L, Input *input) {
    fputs(input->length ? ">> " : "> ", stdout);
    fflush(stdout);
    errno = 0;
    ssize_t got = getline(&input->line, &input->line_capacity, stdin);
    if (got < 0) {
        if (errno != EINTR)
            return READ_END;
        clearerr(stdin);
        interrupt_clear(L);
        putchar('\n');
        return READ_INTERRUPTED;
    }
    if (input->length + (size_t)got + 1 > input->capacity) {
        size_t capacity = 2 * (input->length + (size_t)got + 1);
        char *text = realloc(input->text, capacity);
        if (!text)
            return READ_END;
        input->text = text;
        input->capacity = capacity;
    }
    memcpy(input->text + input->length, input->line, (size_t)got + 1);
    input->length += (size_t)got;
    return READ_LINE;
}

/* Lua itself says whether a text is only unfinished: its complaint ends at the end of file. */
static bool is_unfinished(lua_State *L) {
    static const char mark[] = "<eof>";
    size_t length, tail = sizeof mark - 1;
    const char *message = lua_tolstring(L, -1, &length);
    return message && length >= tail && strcmp(message + length - tail, mark) == 0;
}

/* The text as an expression, else as statements. */
static int load_input(lua_State *L, const Input *input) {
    const char *expression = lua_pushfstring(L, "return %s", input->text);
    int status = chunk_load_text(L, expression, strlen(expression), NAME);
    lua_remove(L, -2);
    if (status == LUA_OK)
        return status;
    lua_pop(L, 1);
    return chunk_load_text(L, input->text, input->length, NAME);
}

/* A line that ends in ";" is not printed. */
static bool is_muted(const Input *input) {
    size_t end = input->length;
    while (end > 0 && strchr(" \t\r\n", input->text[end - 1]))
        end--;
    return end > 0 && input->text[end - 1] == ';';
}

/* Print the values above `base` and keep the first as `ans`. */
static void show_values(lua_State *L, int base, bool muted) {
    int count = lua_gettop(L) - base;
    if (count == 0)
        return;
    lua_pushvalue(L, base + 1);
    lua_setglobal(L, "ans");
    if (muted)
        return;
    lua_getglobal(L, "print");
    lua_insert(L, base + 1);
    if (chunk_call(L, count, 0) != LUA_OK)
        chunk_report(L);
}

static void run_input(lua_State *L, const Input *input, int load_status) {
    int base = lua_gettop(L) - 1;
    if (load_status != LUA_OK || chunk_call(L, 0, LUA_MULTRET) != LUA_OK)
        chunk_report(L);
    else
        show_values(L, base, is_muted(input));
    lua_settop(L, base);
    interrupt_clear(L);
    fflush(stdout);
}

void repl_run(lua_State *L, bool quiet) {
    bool terminal = isatty(STDIN_FILENO);
    Input input = { 0 };
    if (terminal && !quiet)
        printf("Perigee %s\n", versions_perigee());
    for (;;) {
        Reading reading = read_line(L, &input);
        if (reading == READ_END)
            break;
        if (reading == READ_INTERRUPTED) {
            input.length = 0;
            continue;
        }
        int status = load_input(L, &input);
        if (status == LUA_ERRSYNTAX && is_unfinished(L)) {
            lua_pop(L, 1);
            continue;
        }
        run_input(L, &input, status);
        input.length = 0;
    }
    if (terminal)
        putchar('\n');
    free(input.text);
    free(input.line);
}
