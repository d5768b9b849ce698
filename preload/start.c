/*
 * The library's constructor and destructor.
 *
 * The constructor does one thing: when spec files are active whose stub is not loaded, it makes the stub and starts
 * the program again with it in front.  All else waits for the first call.
 */
#include "preload/compare/compare.h"
#include "preload/core.h"
#include "preload/lane/post.h"
#include "preload/lane/thread_lane.h"
#include "preload/loader/reexec.h"
#include "preload/stub/stub_file.h"
#include "preload/stub/stub_list.h"
#include "spec/base/log.h"
#include "spec/base/own.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Whether the catalog holds more than the built-in table. */
static bool has_functions(const struct core *core)
{
    return core->is_usable && core->catalog.table_count > 1;
}

static void load_stub(struct core *core)
{
    struct diagnostics diagnostics = {0};
    AUTO_FREE char *path = NULL;
    int error;

    core_enter();
    error = stub_file_cache(&core->catalog, core->specs_hash, &path, &diagnostics);
    if (error)
        log_error("no stub can be made, so nothing but winapi_* is remoted: %s",
                  diagnostics.text.data ? diagnostics.text.data : strerror(-error));
    diagnostics_finish(&diagnostics);
    core_leave(); /* the program that is started again gets the signal mask as it is */
    if (!error)
        error = reexec_with_stub(path, core->specs_hash);
    if (error)
        log_error("this program cannot be started again with its stub, so nothing but winapi_* is remoted: %s%s; use "
                  "winapi run",
                  strerror(-error), access("/proc/self/exe", F_OK) < 0 ? " (/proc is not mounted here)" : "");
}

/* Whether a stub has to be loaded, and can be. */
static bool lacks_stub(const struct core *core)
{
    bool was_done, lacks;

    core_enter();
    was_done = reexec_was_done(core->specs_hash);
    lacks = core->specs.count > 0 && !stub_list_has(core->specs_hash);
    if (lacks && was_done)
        log_error("the loader has skipped the stub of the active spec files: nothing but winapi_* is remoted here");
    core_leave();
    return lacks && !was_done;
}

__attribute__((constructor)) static void library_loaded(void)
{
    int kept_errno = errno;
    struct core *core = core_prepare();

    thread_lane_prepare();
    if (core && !reexec_is_secure() && lacks_stub(core) && core_start() && has_functions(core))
        load_stub(core);
    errno = kept_errno;
}

__attribute__((destructor)) static void library_unloaded(void)
{
    int kept_errno = errno;

    post_finish();
    compare_finish();
    errno = kept_errno;
}
