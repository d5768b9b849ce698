/*
 * The two functions about text: a string there and back, and what errors mean.
 */
#include "host/libwinapi/libwinapi_parts.h"

#include <string.h>

int winapi_echo(winapi_handle_t handle, const char *input, char *output, size_t output_size)
{
    size_t length;

    if (!output || output_size == 0)
        return WINAPI_ERROR_PARAMETER;
    output[0] = '\0';
    if (!libwinapi_handle_is_open(handle))
        return WINAPI_ERROR_HANDLE;
    if (!input)
        return WINAPI_ERROR_PARAMETER;

    length = strnlen(input, output_size);
    if (length == output_size) {
        memcpy(output, input, output_size - 1);
        output[output_size - 1] = '\0';
        return WINAPI_ERROR_TRUNCATED;
    }

    memcpy(output, input, length + 1);
    return WINAPI_SUCCESS;
}

const char *winapi_strerror(int error)
{
    switch (error) {
    case WINAPI_SUCCESS:
        return "success";
    case WINAPI_ERROR_PARAMETER:
        return "a parameter is missing or has no meaning";
    case WINAPI_ERROR_HANDLE:
        return "the handle is not open";
    case WINAPI_ERROR_MEMORY:
        return "not enough memory";
    case WINAPI_ERROR_BUFFER_COUNT:
        return "too few or too many buffers";
    case WINAPI_ERROR_BUFFER_SIZE:
        return "a buffer is too small or too large";
    case WINAPI_ERROR_ITERATIONS:
        return "no iterations, or too many";
    case WINAPI_ERROR_TRUNCATED:
        return "the output is too small and holds the beginning only";
    case WINAPI_ERROR_MISMATCH:
        return "a buffer does not hold the pattern";
    case WINAPI_ERROR_CONNECTION:
        return "the host cannot be reached, was lost or took too long";
    default:
        return "unknown error";
    }
}
