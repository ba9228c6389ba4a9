//! One module body for every PyO3 release under test, in both ABI flavours.
//! Each file is a topic; `tests/pyo3/test_pyo3.py` has a section per file.

use pyo3::prelude::*;

mod asyncs;
mod buffers;
mod calls;
mod classes;
mod conversions;
mod datetimes;
mod errors;
mod gc;
mod iterators;
mod protocols;
mod subclasses;
mod threads;

#[pymodule]
mod pyo3_fixture {
    use super::*;

    /// The ABI this binary was built for: `cp314` or `abi3`.
    #[pymodule_export]
    const FLAVOUR: &str = if cfg!(feature = "abi3") {
        "abi3"
    } else {
        "cp314"
    };

    #[pymodule_export]
    const ANSWER: i64 = 42;

    #[pymodule_export]
    use asyncs::{
        async_add, async_fail, async_from_thread, async_method_host, AsyncCounter, ReadyAwaitable,
    };
    #[pymodule_export]
    use buffers::{buffer_facts, buffer_fill, buffer_sum, Exporter};
    #[pymodule_export]
    use calls::{call_kwargs, call_method, call_with, defaults, variadic, Recorder};
    #[pymodule_export]
    use classes::{Colour, Frozen, Point, Registry, Shape};
    #[pymodule_export]
    use conversions::{
        bigint_square, bytes_reverse, concat, describe, dict_invert, float_halve, int_echo,
        list_double, map_sum, option_or, set_union, tagged, tuple_swap,
    };
    #[pymodule_export]
    use datetimes::{
        date_parts, datetime_parts, make_date, make_datetime, make_delta, make_time, make_utc,
        shift,
    };
    #[pymodule_export]
    use errors::{
        catch, chain, panic_with, raise_builtin, raise_custom, raise_from_type, FixtureError,
        SpecialError,
    };
    #[pymodule_export]
    use gc::{live_nodes, Handle, Node};
    #[pymodule_export]
    use iterators::{collect, first_error, sum_iterable, Countdown, Words};
    #[pymodule_export]
    use protocols::{Adder, Grid, Guard, Number, Stack, WithDescriptor};
    #[pymodule_export]
    use subclasses::{Animal, CountingDict, Dog, RichError};
    #[pymodule_export]
    use threads::{call_from_threads, detached_sum, parallel_sums, OnceValue};

    #[pymodule]
    mod inner {
        use super::*;

        #[pymodule_export]
        const DEPTH: usize = 2;

        #[pyfunction]
        fn whoami() -> &'static str {
            "inner"
        }

        #[pymodule]
        mod innermost {
            #[pymodule_export]
            const DEPTH: usize = 3;
        }
    }

    /// Runs last: what attributes cannot say is added by hand.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("names", ("a", "b", "c"))?;
        module.add("__version__", "1.0")?;
        Ok(())
    }
}
