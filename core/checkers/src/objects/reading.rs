//! From events to objects.
use std::collections::HashMap;

use rayon::prelude::*;

use super::{Object, Timed};
use crate::events::{invocations_by_key, Events, Kind, Malformed};
use crate::model::NEVER;
use crate::models::{Call, Readable, Unreadable};

/// Reads the objects of a history, one for each key, or all of them together.
pub fn read<'a, M: Readable + Clone + Send>(
    events: &'a impl Events,
    model: &M,
    by_key: bool,
) -> Result<Vec<Object<'a, M>>, Malformed> {
    let mut groups = invocations_by_key(events);
    if !by_key {
        let mut rows: Vec<u32> = groups.into_iter().flat_map(|(_, rows)| rows).collect();
        rows.sort_unstable();
        groups = vec![(None, rows)];
    }
    let objects: Result<Vec<Vec<Object<'a, M>>>, Malformed> = groups
        .into_par_iter()
        .map(|(key, rows)| {
            let mut model = model.clone();
            let mut ops = Vec::with_capacity(rows.len());
            for row in rows {
                read_op(events, &mut model, row, &mut ops)?;
            }
            Ok(split(key, &model, ops))
        })
        .collect();
    Ok(objects?.into_iter().flatten().collect())
}

fn read_op<M: Readable>(
    events: &impl Events,
    model: &mut M,
    id: u32,
    ops: &mut Vec<Timed<M::Op>>,
) -> Result<(), Malformed> {
    let row = id as usize;
    let completion = events.partner(row);
    let kind = completion.map_or(Kind::Info, |row| events.kind(row));
    let done = completion.filter(|_| kind == Kind::Ok);
    let call = Call { f: events.f(row), argument: events.value(row), result: done.map(|row| events.value(row)) };
    let (call_time, ret) = (events.time(row), done.map_or(NEVER, |row| events.time(row)));
    let timed = |op| Timed { call: call_time, ret, op, id };
    let wrong = |Unreadable { message, unknown_f }| Malformed { row: done.unwrap_or(row), message, unknown_f };
    if call.f == "drain" {
        if kind != Kind::Fail {
            ops.extend(model.drain(call).map_err(wrong)?.into_iter().map(timed));
        }
        return Ok(());
    }
    let op = model.read(call).map_err(wrong)?;
    ops.extend(op.filter(|_| kind != Kind::Fail).map(timed));
    Ok(())
}

/// Objects that no operation touches together are independent.
fn split<'a, M: Readable + Clone>(key: Option<&'a str>, model: &M, ops: Vec<Timed<M::Op>>) -> Vec<Object<'a, M>> {
    let mut parent: HashMap<u32, u32> = HashMap::new();
    fn root(parent: &mut HashMap<u32, u32>, of: u32) -> u32 {
        let mut at = of;
        while let Some(&up) = parent.get(&at).filter(|&&up| up != at) {
            at = up;
        }
        parent.insert(of, at);
        at
    }
    let touched: Vec<Vec<u32>> = ops.iter().map(|timed| model.objects(&timed.op)).collect();
    for objects in &touched {
        for pair in objects.windows(2) {
            let (a, b) = (root(&mut parent, pair[0]), root(&mut parent, pair[1]));
            parent.insert(b, a);
        }
    }
    let mut parts: Vec<Object<'a, M>> = Vec::new();
    let mut place: HashMap<Option<u32>, usize> = HashMap::new();
    for (timed, objects) in ops.into_iter().zip(&touched) {
        let part = *place.entry(objects.first().map(|&object| root(&mut parent, object))).or_insert_with(|| {
            parts.push(Object { key, model: model.clone(), ops: Vec::new() });
            parts.len() - 1
        });
        parts[part].ops.push(timed);
    }
    if parts.is_empty() {
        parts.push(Object { key, model: model.clone(), ops: Vec::new() });
    }
    parts
}
