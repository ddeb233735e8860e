#include "data/text.h"

#include "core/fail.h"
#include "data/foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes by which other programs' files are known. */
enum { LOOK = 1024 };

bool text_open(Text *text, Source *source, Error *err) {
    size_t room = source->size < TEXT_ROOM ? source->size + 1 : TEXT_ROOM;
    *text = (Text){ .source = source, .buffer = malloc(room), .room = room, .line = 1, .err = err };
    source->at = 0;
    if (!text->buffer)
        return error_memory(err, source->name, room);
    size_t look = source->size < LOOK ? source->size : LOOK;
    if (look == 0)
        return error_set(err, ERROR_FILE, "%s: it is empty", source->name);
    if (!source_read(source, text->buffer, look, err) ||
        foreign_refuse(source->name, text->buffer, look, err))
        return false;
    source->at = 0;
    if (!text_more(text))
        return false;
    if (text->end >= 3 && memcmp(text->buffer, "\xef\xbb\xbf", 3) == 0)
        text->at = 3;
    text_mark(text);
    return true;
}

void text_close(Text *text) {
    free(text->buffer);
    text->buffer = NULL;
}

static bool fail(Text *text) {
    text->failed = true;
    return false;
}

bool text_more(Text *text) {
    size_t kept = text->at - text->mark, left = source_left(text->source);
    if (text->failed || left == 0)
        return false;
    if (kept == text->room) {
        error_set(text->err, ERROR_FILE, "%s: line %zu: a field of more than %d bytes",
                  text->source->name, text->line, TEXT_ROOM);
        return fail(text);
    }
    memmove(text->buffer, text->buffer + text->mark, kept);
    size_t room = text->room - kept, count = left < room ? left : room;
    if (!source_read(text->source, text->buffer + kept, count, text->err))
        return fail(text);
    text->mark = 0;
    text->at = kept;
    text->end = kept + count;
    if (!memchr(text->buffer + kept, '\0', count))
        return true;
    error_set(text->err, ERROR_FILE, "%s: no text: it holds bytes that are 0%s", text->source->name,
              text->source->at == count && kept == 0 &&
                      (memcmp(text->buffer, "\xff\xfe", 2) == 0 ||
                       memcmp(text->buffer, "\xfe\xff", 2) == 0)
                  ? " (is it UTF-16? save it as UTF-8)"
                  : "");
    return fail(text);
}

void text_skip_blanks(Text *text) {
    for (int c = text_peek(text); c == ' ' || c == '\t'; c = text_peek(text))
        text->at++;
}

bool text_skip_line_end(Text *text) {
    int c = text_peek(text);
    if (c != '\n' && c != '\r')
        return false;
    text->at++;
    if (c == '\r' && text_peek(text) == '\n')
        text->at++;
    text->line++;
    return true;
}

void text_skip_line(Text *text) {
    for (int c = text_peek(text); c != '\n' && c != '\r' && c != TEXT_END; c = text_peek(text)) {
        text->at++;
        text_mark(text);
    }
}

const char *text_shown(const char *token, size_t length, char shown[TEXT_SHOWN]) {
    int room = TEXT_SHOWN - 8;
    snprintf(shown, TEXT_SHOWN, "%.*s%s", (int)length < room ? (int)length : room, token,
             (int)length > room ? "…" : "");
    return shown;
}
