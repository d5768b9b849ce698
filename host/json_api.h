/* The three functions that can be called with a JSON request, as rows of one table. */
#ifndef WINAPI_HOST_JSON_API_H
#define WINAPI_HOST_JSON_API_H

#include "host/json_request.h"

enum result_area { RESULT_NONE, RESULT_REQUEST, RESULT_RESPONSE };

/* One request being worked on. */
struct json_work {
    struct json_requests *requests;
    struct json_request request;
    size_t track;
    uint8_t *input;  /* the payload: in shared memory, or a private copy */
    uint8_t *output; /* room for as much: in the response area, or private */
    cJSON *reply;    /* where the results go */
    char fault[200]; /* what is wrong, when the status is not 0 */
};

struct json_api {
    const char *name;     /* as requests call it */
    const char *function; /* the table's row that is called and counted */
    /* Reads the members that only this api has. */
    void (*read)(struct json_request *request, struct member_reader *reader);
    /* Calls the function at `address`; the status, 0 or a negative winapi_error, is the result. */
    int (*run)(struct json_work *work, void (*address)(void));
    /* Where the request's result lies; RESULT_NONE when it is in the reply alone. */
    enum result_area (*result_area)(const struct json_request *request);
};

/* Ends with a row without a name. */
extern const struct json_api json_apis[];

/* A function that is listed, loaded and ready to be called, or NULL with work->fault set. */
struct host_function *json_api_function(struct json_work *work, const char *name);

/* The session's handle for the native functions, made when first asked for.  NULL with work->fault set. */
void *json_api_handle(struct json_work *work);

#endif
