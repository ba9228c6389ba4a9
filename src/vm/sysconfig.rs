//! `sysconfig`'s build-time variables: what pip, `packaging`, setuptools and meson read to name and build extensions.
//!
//! They describe the default build of CPython for this platform. Paths are those of this installation.

use super::version;

/// The platform part of ABI tags.
pub(super) const MULTIARCH: &str = "x86_64-linux-gnu";
pub(super) const SOABI: &str = "cpython-314-x86_64-linux-gnu";
pub(super) const EXT_SUFFIX: &str = ".cpython-314-x86_64-linux-gnu.so";

/// `_sysconfigdata_{sys.abiflags}_{sys.platform}_{sys.implementation._multiarch}`
pub(super) const MODULE_NAME: &str = "_sysconfigdata__linux_x86_64-linux-gnu";

pub(super) use sysconfigdata::module_def;

#[rustpython_vm::pymodule(name = "_sysconfigdata__linux_x86_64-linux-gnu")]
mod sysconfigdata {
    use std::path::Path;

    use rustpython_vm::VirtualMachine;
    use rustpython_vm::builtins::PyDictRef;

    use super::{EXT_SUFFIX, MULTIARCH, SOABI, version};

    #[pyattr]
    fn build_time_vars(vm: &VirtualMachine) -> PyDictRef {
        let vars = vm.ctx.new_dict();
        let set = |name: &str, value| {
            vars.set_item(name, value, vm)
                .expect("a str key of a new dict is hashable");
        };
        for (name, value) in numbers() {
            set(name, vm.ctx.new_int(value).into());
        }
        for (name, value) in TEXTS {
            set(name, vm.ctx.new_str(value).into());
        }

        let paths = &vm.state.config.paths;
        let short = format!("{}.{}", version::MAJOR, version::MINOR);
        let stdlib = format!("{}/lib/python{short}", paths.base_prefix);
        let include = format!("{}/include/python{short}", paths.base_prefix);
        let binaries = Path::new(&paths.base_executable)
            .parent()
            .map_or_else(String::new, |dir| dir.to_string_lossy().into_owned());
        for (name, value) in [
            ("prefix", paths.base_prefix.clone()),
            ("exec_prefix", paths.base_exec_prefix.clone()),
            ("BINDIR", binaries),
            ("VERSION", short.clone()),
            ("LDVERSION", short),
            ("LIBDIR", format!("{}/lib", paths.base_exec_prefix)),
            ("LIBDEST", stdlib.clone()),
            ("BINLIBDEST", stdlib.clone()),
            ("DESTSHARED", format!("{stdlib}/lib-dynload")),
            ("INCLUDEPY", include.clone()),
            ("CONFINCLUDEPY", include),
        ] {
            set(name, vm.ctx.new_str(value).into());
        }
        // ensurepip looks for pip's wheel among the resources of its package, which a frozen package does not have.
        if let Some(stdlib) = &paths.stdlib_dir {
            let wheels = format!("{stdlib}/ensurepip/_bundled");
            set("WHEEL_PKG_DIR", vm.ctx.new_str(wheels).into());
        }
        vars
    }

    /// `pyconfig.h`'s numbers that tools ask for.
    fn numbers() -> [(&'static str, usize); 16] {
        [
            ("Py_DEBUG", 0),
            ("Py_ENABLE_SHARED", 0),
            ("Py_GIL_DISABLED", 0),
            ("Py_REF_DEBUG", 0),
            ("Py_TRACE_REFS", 0),
            ("HAVE_DYNAMIC_LOADING", 1),
            ("HAVE_FORK", 1),
            ("HAVE_GETRANDOM", 1),
            ("WITH_DOC_STRINGS", 1),
            ("WITH_PYMALLOC", 1),
            ("SIZEOF_INT", size_of::<libc::c_int>()),
            ("SIZEOF_LONG", size_of::<libc::c_long>()),
            ("SIZEOF_SIZE_T", size_of::<libc::size_t>()),
            ("SIZEOF_TIME_T", size_of::<libc::time_t>()),
            ("SIZEOF_VOID_P", size_of::<*const ()>()),
            ("SIZEOF_WCHAR_T", size_of::<libc::wchar_t>()),
        ]
    }

    const TEXTS: [(&str, &str); 32] = [
        ("ABIFLAGS", ""),
        ("SOABI", SOABI),
        ("EXT_SUFFIX", EXT_SUFFIX),
        ("SHLIB_SUFFIX", ".so"),
        ("MULTIARCH", MULTIARCH),
        ("EXE", ""),
        ("BUILDEXE", ""),
        ("PLATLIBDIR", "lib"),
        ("MACHDEP", "linux"),
        ("LIBRARY", ""),
        ("LDLIBRARY", ""),
        ("INSTSONAME", ""),
        ("LIBPYTHON", ""),
        ("LIBS", ""),
        ("SYSLIBS", ""),
        ("LINKFORSHARED", ""),
        ("CC", "cc"),
        ("CXX", "c++"),
        ("OPT", "-DNDEBUG -O2 -Wall"),
        ("BASECFLAGS", "-fno-strict-overflow"),
        ("CFLAGS", "-fno-strict-overflow -DNDEBUG -O2 -Wall"),
        ("PY_CFLAGS", "-fno-strict-overflow -DNDEBUG -O2 -Wall"),
        ("CPPFLAGS", ""),
        ("CCSHARED", "-fPIC"),
        ("LDFLAGS", ""),
        ("LDSHARED", "cc -shared"),
        ("LDCXXSHARED", "c++ -shared"),
        ("BLDSHARED", "cc -shared"),
        ("AR", "ar"),
        ("ARFLAGS", "rcs"),
        ("RANLIB", "ranlib"),
        (
            "TZPATH",
            "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo",
        ),
    ];
}
