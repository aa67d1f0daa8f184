//! Traces, metrics and logs. One trace goes from a request through the log to everything that reacts to it.

use std::{collections::HashMap, ffi::OsStr, io::IsTerminal, time::Duration};

use opentelemetry::{
    TraceId,
    propagation::{Extractor, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider as _},
};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource, metrics::SdkMeterProvider, propagation::TraceContextPropagator, trace::SdkTracerProvider,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// How long the exporters may take to send what they have when the process ends.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// Where telemetry goes.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// An OTLP collector (`http://host:4317`) for traces and metrics; without one, traces stay here, and metrics can be
    /// fetched as ever.
    pub otlp_url: Option<String>,
    /// Logs as JSON, one object a line; else as text for people.
    pub json: bool,
    /// Which log lines: `info`, `warn,cases=debug`.
    pub filter: String,
}

/// Keeps telemetry alive; ends it in order.
pub struct Telemetry {
    registry: prometheus::Registry,
    tracer: SdkTracerProvider,
    meter: SdkMeterProvider,
}

/// Telemetry cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("telemetry cannot begin: {0}")]
pub struct Error(String);

impl Telemetry {
    /// Begins. Once in a process: logs and metrics are global to it.
    pub fn begin(service: &str, config: &Config) -> Result<Self, Error> {
        let resource = Resource::builder().with_service_name(service.to_owned()).build();
        let registry = prometheus::Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .with_namespace("dossier")
            .without_target_info()
            .build()
            .map_err(|error| Error(error.to_string()))?;
        let meter = SdkMeterProvider::builder().with_reader(reader).with_resource(resource.clone());
        let meter = match &config.otlp_url {
            Some(url) => meter.with_periodic_exporter(metrics(url)?).build(),
            None => meter.build(),
        };
        opentelemetry::global::set_meter_provider(meter.clone());
        // Without a collector every request still has its trace id, which entries and log lines carry. The provider lives
        // as long as this: spans of one that is gone have no ids.
        let tracer = match &config.otlp_url {
            Some(url) => exporting(url, resource)?,
            None => SdkTracerProvider::builder().with_resource(resource).build(),
        };
        let filter = EnvFilter::try_new(&config.filter).map_err(|error| Error(error.to_string()))?;
        let colours = coloured(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
        let lines = if config.json {
            lines.json().flatten_event(true).boxed()
        } else {
            lines.with_target(false).boxed()
        };
        let spans = tracer.tracer("dossier");
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(
                tracing_opentelemetry::layer()
                    .with_tracer(spans)
                    .with_filter(EnvFilter::new("info,h2=off,tower=off,hyper=off")),
            )
            .try_init()
            .map_err(|error| Error(error.to_string()))?;
        Ok(Self { registry, tracer, meter })
    }

    /// The metrics, for `/metrics`.
    pub fn registry(&self) -> prometheus::Registry {
        self.registry.clone()
    }

    /// Sends what is left. Bounded: a collector that is away does not hold up the end.
    pub async fn end(self) {
        let end = tokio::task::spawn_blocking(move || {
            let _ = self.tracer.shutdown_with_timeout(SHUTDOWN_LIMIT);
            let _ = self.meter.shutdown();
        });
        if tokio::time::timeout(SHUTDOWN_LIMIT, end).await.is_err() {
            tracing::debug!("the telemetry collector did not answer in time");
        }
    }
}

fn exporting(url: &str, resource: Resource) -> Result<SdkTracerProvider, Error> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(url)
        .build()
        .map_err(|error| Error(error.to_string()))?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn metrics(url: &str) -> Result<opentelemetry_otlp::MetricExporter, Error> {
    opentelemetry_otlp::MetricExporter::builder()
        .with_tonic()
        .with_endpoint(url)
        .build()
        .map_err(|error| Error(error.to_string()))
}

/// Whether log lines have colours: in a file or a pipe they would be noise, and who wants none says so.
fn coloured(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

/// The trace context of the present span, as a `traceparent` header.
pub fn traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent")
}

/// Makes `span` part of the trace that `traceparent` names, if it names one, and tells log lines its trace: the span has a
/// field `trace_id` for that.
pub fn continue_trace(span: &Span, traceparent: Option<&str>) {
    if let Some(header) = traceparent {
        let context = TraceContextPropagator::new().extract(&Header(header));
        // Fails only where no tracer is installed, as in most tests.
        let _ = span.set_parent(context);
    }
    if !span.is_disabled() {
        let context = span.context();
        let trace = context.span().span_context().trace_id();
        if trace != TraceId::INVALID {
            span.record("trace_id", tracing::field::display(trace));
        }
    }
}

struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        assert!(coloured(true, None) && coloured(true, Some(OsStr::new(""))));
        assert!(!coloured(true, Some(OsStr::new("1"))) && !coloured(false, None));
    }

    #[test]
    fn a_log_line_names_the_trace_that_it_belongs_to() {
        let (lines, provider) = (Lines::default(), SdkTracerProvider::builder().build());
        let kept = lines.clone();
        let json = tracing_subscriber::fmt::layer().json().with_writer(move || kept.clone());
        let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json).with(spans), || {
            for header in [Some(format!("00-{TRACE}-b7ad6b7169203331-01")), None] {
                let span = tracing::info_span!("call", trace_id = tracing::field::Empty);
                continue_trace(&span, header.as_deref());
                span.in_scope(|| tracing::warn!("something"));
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let traces: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["span"]["trace_id"].clone())
            .map(|trace| trace.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(traces[0], TRACE);
        assert_eq!((traces.len(), traces[1].len()), (2, TRACE.len()), "one of its own");
    }
}
