/* image.h: PNG and JPEG, first the head, then the pixels. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    const ImageFile file = { "fuzz", bytes, size };
    ImageHead head;
    if (!image_head(&file, &head, &err) || head.height * head.width > 1 << 22)
        return 0;
    unsigned char *pixels = malloc(head.height * head.width * (size_t)head.channels);
    if (pixels)
        image_pixels(&file, &head, pixels, &err);
    free(pixels);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_png(bytes, size, most, seed);
}
