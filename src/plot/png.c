#include "plot/png.h"

#include "core/fail.h"
#include "core/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FILTER_UP = 2, MAX_SIDE = 1 << 24 };

static void put32(uint8_t bytes[4], uint32_t value) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A chunk: its length, its name, its bytes, and a checksum of the last two. */
static void write_chunk(FILE *out, const char name[4], const uint8_t *bytes, size_t size) {
    uint8_t number[4];
    uLong checksum = crc32(crc32(0, NULL, 0), (const Bytef *)name, 4);
    if (size)
        checksum = crc32(checksum, bytes, (uInt)size);
    put32(number, (uint32_t)size);
    fwrite(number, 1, 4, out);
    fwrite(name, 1, 4, out);
    if (size)
        fwrite(bytes, 1, size, out);
    put32(number, (uint32_t)checksum);
    fwrite(number, 1, 4, out);
}

/* Every row: the filter's number, then each byte less the one above it. */
static void filter_rows(const uint8_t *pixels, size_t height, size_t row, uint8_t *out) {
    for (size_t i = 0; i < height; i++) {
        const uint8_t *now = pixels + i * row, *above = now - row;
        *out++ = FILTER_UP;
        for (size_t j = 0; j < row; j++)
            *out++ = (uint8_t)(now[j] - (i ? above[j] : 0));
    }
}

/* The compressed rows; NULL on lack of memory. */
static uint8_t *packed_rows(const uint8_t *pixels, size_t height, size_t row, uLongf *size) {
    size_t raw_size = height * (row + 1);
    uint8_t *raw = malloc(raw_size), *packed = NULL;
    if (raw) {
        *size = compressBound(raw_size);
        packed = malloc(*size);
        filter_rows(pixels, height, row, raw);
    }
    if (packed && compress2(packed, size, raw, raw_size, 6) != Z_OK) {
        free(packed);
        packed = NULL;
    }
    free(raw);
    return packed;
}

void png_write_comment(FILE *out, const char *comment) {
    static const char key[] = "Comment";
    char text[1024];
    memcpy(text, key, sizeof key);
    int length = snprintf(text + sizeof key, sizeof text - sizeof key, "%s", comment);
    size_t room = sizeof text - sizeof key - 1;
    write_chunk(out, "tEXt", (const uint8_t *)text,
                sizeof key + ((size_t)length < room ? (size_t)length : room));
}

void png_write_dots(FILE *out, double dots) {
    uint8_t density[9] = { [8] = 1 }; /* for each metre, across and up */
    put32(density, (uint32_t)(dots / 0.0254 + 0.5));
    memcpy(density + 4, density, 4);
    write_chunk(out, "pHYs", density, sizeof density);
}

bool png_write(const char *path, const PngImage *image, Error *err) {
    size_t height = image->height, width = image->width;
    int channels = image->channels;
    if (height == 0 || width == 0 || height > MAX_SIDE || width > MAX_SIDE ||
        height * (width * (size_t)channels + 1) > INT_MAX)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu × %zu pixels do not fit a PNG", path, height,
                         width);
    uLongf size = 0;
    uint8_t *packed = packed_rows(image->pixels, height, width * (size_t)channels, &size);
    if (!packed)
        return error_memory(err, path, height * width * (size_t)channels);
    uint8_t head[13] = { [8] = 8, [9] = channels == 3 ? 2 : 0 };
    put32(head, (uint32_t)width);
    put32(head + 4, (uint32_t)height);
    FileWriter writer;
    bool fine = file_writer_open(&writer, path, err);
    if (fine) {
        fwrite("\x89PNG\r\n\x1a\n", 1, 8, writer.stream);
        write_chunk(writer.stream, "IHDR", head, sizeof head);
        if (image->comment)
            png_write_comment(writer.stream, image->comment);
        if (image->dots > 0)
            png_write_dots(writer.stream, image->dots);
        write_chunk(writer.stream, "IDAT", packed, size);
        write_chunk(writer.stream, "IEND", NULL, 0);
        fine = file_writer_commit(&writer, err);
    }
    free(packed);
    return fine;
}
