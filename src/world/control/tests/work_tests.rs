//! Jobs and environments: timelines by hand, means by queueing theory, and that everything ends exactly once.

use proptest::prelude::*;

use super::pod_tests::{Alone, check_books, fault, one_cluster};
use super::*;
use crate::model::fault::FaultKind;
use crate::model::{Arrivals, Load, LoadKind, ServiceKind, Task, Work, WorkKind};
use crate::queueing::mmc_wait;
use crate::stats::mean_interval;
use crate::world::control::Control;
use crate::world::control::pods::Phase;
use crate::world::recorder::WorkNote;

/// Makes a service one of jobs: a pod keeps `cpu` millicores busy, and starts at once.
fn batch(scenario: &mut Scenario, service: usize, cpu: u64) {
    let service = &mut scenario.services[service];
    service.kind = ServiceKind::Batch;
    service.placed[0].replicas = 0;
    service.endpoints.clear();
    service.startup = Distribution::constant(0.0);
    service.resources.cpu_request = Cpu(cpu);
    service.resources.cpu_limit = Some(Cpu(cpu));
    service.processor.cores = u32::try_from(cpu.div_ceil(1000)).expect("few cores");
}

fn task(service: u32, work: f64, parallelism: u32, gang: bool, after: &[usize]) -> Task {
    Task {
        name: "task".into(),
        services: vec![ServiceId(service)],
        work: Distribution::constant(work),
        parallelism,
        gang,
        after: after.to_vec(),
    }
}

fn source(kind: LoadKind, what: WorkKind) -> Work {
    Work {
        name: "source".into(),
        load: Load {
            name: "source".into(),
            kind,
            mix: Vec::new(),
            walk: None,
            shape: Vec::new(),
            abandon: None,
            from: Vec::new(),
        },
        kind: what,
    }
}

/// Jobs that come at those seconds.
fn jobs_at(instants: &[u64], tasks: Vec<Task>, deadline: Option<u64>) -> Work {
    let instants: Vec<SimTime> = instants
        .iter()
        .map(|second| SimTime::ZERO + seconds(*second))
        .collect();
    let kind = LoadKind::Open {
        rate: 1.0,
        arrivals: Arrivals::Recorded(instants.into()),
    };
    let deadline = deadline.map(seconds);
    source(kind, WorkKind::Jobs { tasks, deadline })
}

fn poisson(rate: f64, what: WorkKind) -> Work {
    let arrivals = Arrivals::Poisson;
    source(LoadKind::Open { rate, arrivals }, what)
}

/// Notes so far.
fn notes(alone: &mut Alone) -> Vec<WorkNote> {
    let records = alone.control.take_work_records();
    records.map(|record| record.note).collect()
}

/// (from arrival to the end, lateness) of the jobs that ended.
fn ends(notes: &[WorkNote]) -> Vec<(f64, Option<f64>)> {
    let ended = |note: &WorkNote| match note {
        WorkNote::Ended { after, late, .. } => {
            let late = late.map(|late| (late.seconds() * 1e6).round() / 1e6);
            Some((after.seconds(), late))
        }
        _ => None,
    };
    notes.iter().filter_map(ended).collect()
}

fn waits(notes: &[WorkNote]) -> Vec<f64> {
    let waited = |note: &WorkNote| match note {
        WorkNote::Room { wait, .. } => Some(wait.seconds()),
        _ => None,
    };
    notes.iter().filter_map(waited).collect()
}

#[test]
fn a_job_goes_through_its_graph_and_is_late_by_what_its_longest_path_takes_too_long() {
    // One node of 4 cores. Work at 2 cores a pod: 100 s, then 200 s beside 50 s, then 30 s.
    let mut scenario = one_cluster(1, &[(0, 1000)]);
    batch(&mut scenario, 0, 2000);
    let tasks = vec![
        task(0, 200.0, 1, false, &[]),
        task(0, 400.0, 1, false, &[0]),
        task(0, 100.0, 1, false, &[0]),
        task(0, 60.0, 1, false, &[1, 2]),
    ];
    scenario.work = vec![jobs_at(&[10], tasks, Some(300))];
    scenario.horizon = seconds(2000);
    let mut alone = Alone::new(&scenario);
    alone.until(1999);
    let notes = notes(&mut alone);
    assert_eq!(ends(&notes), [(330.0, Some(30.0))]);
    assert_eq!(waits(&notes), [0.0; 4]);
    assert!(notes.contains(&WorkNote::Due { missed: true }));
    let totals = alone.control.works_totals();
    // 330 s alive; 2 cores for 100 + 200 + 50 + 30 s.
    assert_eq!((totals.alive_seconds, totals.core_seconds), (330.0, 760.0));
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn a_gang_takes_all_its_room_or_none_and_a_smaller_one_behind_it_may_pass() {
    // Two nodes of 4 cores, pods of 2: room for four. A gang of three runs 100 s; a gang of four waits for it, one
    // of one passes.
    let mut scenario = one_cluster(2, &[(0, 1000)]);
    batch(&mut scenario, 0, 2000);
    let of = |instants: &[u64], members| {
        jobs_at(instants, vec![task(0, 200.0, members, true, &[])], None)
    };
    let named = |work: Work, name: &str| Work {
        name: name.into(),
        ..work
    };
    scenario.work = vec![
        named(of(&[10], 3), "three"),
        named(of(&[20], 4), "four"),
        named(
            jobs_at(&[30], vec![task(0, 20.0, 1, false, &[])], None),
            "one",
        ),
    ];
    scenario.horizon = seconds(2000);
    let mut alone = Alone::new(&scenario);
    alone.until(60);
    assert_eq!(
        alone.told(EventKind::PodPending),
        [(
            20.0,
            "a gang of 4 pods of s0 is Pending in source: there is room for 1 of them"
        )]
    );
    alone.until(1999);
    let notes = notes(&mut alone);
    // The single pod runs from 30 s to 40 s, the three from 10 s to 110 s. The four were tried at 20 s, 40 s and, when
    // the first of the three is gone, at 110 s: after a third time in vain they wait for 4 s.
    assert_eq!(ends(&notes), [(10.0, None), (100.0, None), (194.0, None)]);
    assert_eq!(waits(&notes), [0.0, 0.0, 94.0]);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn a_gang_that_loses_a_member_starts_again_and_what_all_had_done_is_lost() {
    // Two pods of 4 cores on two of three nodes.
    let mut scenario = one_cluster(3, &[(0, 1000)]);
    batch(&mut scenario, 0, 4000);
    scenario.work = vec![jobs_at(&[10], vec![task(0, 400.0, 2, true, &[])], None)];
    let broken = FaultKind::Node {
        cluster: ClusterId(0),
        pool: 0,
        count: 3,
    };
    // All three break at once and come back 9 s later: whichever the gang has is among them.
    scenario.faults = vec![fault(broken, 60, Some(9))];
    scenario.horizon = seconds(2000);
    let mut alone = Alone::new(&scenario);
    alone.until(1999);
    // 50 s of 100 lost at 4 cores twice; made again 10 s later, when the nodes are back: 70 s to 170 s.
    assert_eq!(ends(&notes(&mut alone)), [(160.0, None)]);
    assert_eq!(alone.control.works_totals().lost_seconds, 400.0);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn a_pod_of_higher_priority_takes_the_room_of_a_job_which_begins_again() {
    // One node of 4 cores: a job of 3, then a service's replica of 3 with a higher priority.
    let mut scenario = one_cluster(1, &[(0, 3000), (0, 1000)]);
    batch(&mut scenario, 1, 3000);
    scenario.services[0].pods.placing.priority = 10;
    scenario.work = vec![jobs_at(&[10], vec![task(1, 300.0, 1, false, &[])], None)];
    scenario.horizon = seconds(2000);
    let mut alone = Alone::new(&scenario);
    alone.until(40);
    alone.wish(0, 1);
    alone.until(100);
    assert_eq!(alone.ready(0), 1);
    assert_eq!(
        alone.told(EventKind::PodEvicted),
        [(40.0, "a pod of s1 makes room for s0")]
    );
    // The service goes at 500 s (its drained pod at 501 s, when callers know): the job takes its 100 s again.
    alone.until(500);
    alone.wish(0, 0);
    alone.until(1999);
    assert_eq!(ends(&notes(&mut alone)), [(591.0, None)]);
    assert_eq!(alone.control.works_totals().lost_seconds, 90.0);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn an_environment_lives_its_time_whether_it_had_room_or_not() {
    // One node of 4 cores; environments of two pods of 1.5 cores: one fits, a second gets half of its room.
    let mut scenario = one_cluster(1, &[(0, 1500), (0, 1500)]);
    for service in &mut scenario.services {
        service.kind = ServiceKind::Ephemeral;
        service.endpoints.clear();
    }
    let arrivals = [10, 20].map(|second| SimTime::ZERO + seconds(second));
    let kind = LoadKind::Open {
        rate: 1.0,
        arrivals: Arrivals::Recorded(arrivals.to_vec().into()),
    };
    let what = WorkKind::Environments {
        cluster: ClusterId(0),
        follows: Vec::new(),
        life: Distribution::constant(100.0),
        services: vec![ServiceId(0), ServiceId(1)],
    };
    scenario.work = vec![source(kind, what)];
    scenario.horizon = seconds(2000);
    let mut alone = Alone::new(&scenario);
    alone.until(115);
    let first = notes(&mut alone);
    // The first is ready when its processes are (10 s). At its end at 110 s the second gets its room.
    let ready = |after| WorkNote::Ready {
        after: seconds(after),
    };
    assert!(first.contains(&ready(10)) && !first.contains(&ready(100)));
    assert_eq!(waits(&first), [0.0, 90.0]);
    alone.until(1999);
    let second = notes(&mut alone);
    // It ends at 120 s, when its last pod, placed at 110 s, would have been ready: the end comes first.
    let ended = second.iter().find_map(|note| match note {
        WorkNote::Ended { after, served, .. } => Some((after.seconds(), *served)),
        _ => None,
    });
    assert_eq!(ended, Some((100.0, false)));
    assert_eq!(alone.control.works_totals().alive_seconds, 200.0);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn jobs_move_by_weight_environments_after_their_services_and_running_tasks_hold_the_source() {
    // One wave: a service, then the batch service. Jobs of 2 cores for 1000 s, environments of 100 s; one of each
    // before the shift and one long after it.
    let mut scenario = scenario(3);
    scenario.plan.waves[0].members.truncate(2);
    for index in 1..3 {
        let service = &mut scenario.services[index];
        service.endpoints.clear();
        service
            .placed
            .iter_mut()
            .for_each(|placed| placed.replicas = 0);
    }
    batch(&mut scenario, 1, 2000);
    let copy = &mut scenario.services[2];
    (copy.kind, copy.pinned) = (ServiceKind::Ephemeral, true);
    let both: Vec<SimTime> = [5, 3000].map(|at| SimTime::ZERO + seconds(at)).to_vec();
    let kind = LoadKind::Open {
        rate: 1.0,
        arrivals: Arrivals::Recorded(both.into()),
    };
    let what = WorkKind::Environments {
        cluster: ClusterId(0),
        follows: vec![ServiceId(0)],
        life: Distribution::constant(100.0),
        services: vec![ServiceId(2)],
    };
    let jobs = jobs_at(&[5, 3000], vec![task(1, 2000.0, 1, false, &[])], None);
    scenario.work = vec![jobs, source(kind, what)];
    let mut alone = Alone::new(&scenario);
    alone.until(7199);
    let made = |service: u32, cluster: u32| {
        let at = alone.control.at(ServiceId(service), ClusterId(cluster));
        alone.control.deployments[at].made
    };
    assert_eq!([made(1, 0), made(1, 1), made(2, 0), made(2, 1)], [1; 4]);
    // The job that began on the source keeps the batch service there until 1005 s; then its nodes go.
    let decommissioned = alone.told(EventKind::Decommissioned);
    assert_eq!(
        decommissioned.last(),
        Some(&(1005.0, "s1 runs in target only"))
    );
    assert_eq!(alone.control.nodes.held(ClusterId(0)), 0);
    assert!(alone.control.nodes.held(ClusterId(1)) > 0);
}

/// Values of 20 replications of a scenario; each lasts `length` seconds.
fn replicate(
    scenario: &mut Scenario,
    length: u64,
    value: impl Fn(&mut Control) -> f64,
) -> Vec<f64> {
    scenario.horizon = seconds(length);
    let end = SimTime::ZERO + scenario.horizon;
    (0..20)
        .map(|replication| {
            let luck = Luck {
                replication,
                ..LUCK
            };
            let mut control = Control::new(scenario, luck, true);
            while control.next_time() < end {
                control.handle_next();
            }
            control.now = end;
            value(&mut control)
        })
        .collect()
}

#[test]
fn environments_are_a_queue_with_infinitely_many_servers() {
    // M/G/inf: on average rate times life are alive, whatever the law of the life. At the start there are none:
    // by Takacs the expected time integral is the rate times the integral of the life's equilibrium law, so a
    // constant life of 500 s costs exactly 0.01 * 500^2 / 2 of the integral.
    let mut scenario = one_cluster(1, &[(0, 100)]);
    scenario.services[0].kind = ServiceKind::Ephemeral;
    scenario.services[0].endpoints.clear();
    let what = WorkKind::Environments {
        cluster: ClusterId(0),
        follows: Vec::new(),
        life: Distribution::constant(500.0),
        services: vec![ServiceId(0)],
    };
    scenario.work = vec![poisson(0.01, what)];
    let length = 200_000;
    let found = replicate(&mut scenario, length, |control| {
        control.works_totals().alive_seconds
    });
    let theory = 0.01 * 500.0 * length as f64 - 0.01 * 500.0 * 500.0 / 2.0;
    // False alarm 0.1 %; the seed is fixed.
    let interval = mean_interval(&found, 0.999).expect("20 values");
    assert!(
        interval.low < theory && theory < interval.high,
        "{interval:?} {theory}"
    );
    assert!(interval.high - interval.low < 0.05 * theory, "{interval:?}");
}

#[test]
fn a_job_cluster_is_a_queue_with_as_many_servers_as_pods_fit() {
    // M/M/4: four pods of a core on a node of 4, jobs of 100 s at 0.034/s (85 %): Erlang C's mean wait.
    let mut scenario = one_cluster(1, &[(0, 1000)]);
    batch(&mut scenario, 0, 1000);
    let mut one = task(0, 1.0, 1, false, &[]);
    one.work = Distribution::exponential(100.0);
    scenario.work = vec![poisson(
        0.034,
        WorkKind::Jobs {
            tasks: vec![one],
            deadline: None,
        },
    )];
    let found = replicate(&mut scenario, 400_000, |control| {
        let records: Vec<_> = control.take_work_records().map(|one| one.note).collect();
        let waited = waits(&records);
        waited.iter().sum::<f64>() / waited.len() as f64
    });
    let theory = mmc_wait(4, 0.034, 100.0);
    // False alarm 0.1 %; the seed is fixed. Waiting starts at zero: of 13,600 jobs the first dozens wait less.
    let interval = mean_interval(&found, 0.999).expect("20 values");
    assert!(
        interval.low < theory && theory < interval.high,
        "{interval:?} {theory}"
    );
    assert!(interval.high - interval.low < 0.3 * theory, "{interval:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Jobs with gangs, environments, a service of higher priority, broken nodes: each job and environment ends once
    /// or is still there, room and books agree, and the held cores are those of the pods that are placed.
    #[test]
    fn each_ends_exactly_once(
        rate in 0.002_f64..0.05,
        members in 1_u32..5,
        is_gang in proptest::bool::ANY,
        down in 100_u64..3000,
        wishes in proptest::collection::vec((0_u32..4, 20_u64..900), 1..8),
    ) {
        let mut scenario = one_cluster(3, &[(0, 1500), (0, 1000), (0, 700)]);
        batch(&mut scenario, 1, 1000);
        scenario.services[0].pods.placing.priority = 10;
        scenario.services[2].kind = ServiceKind::Ephemeral;
        scenario.services[2].endpoints.clear();
        let tasks = vec![
            task(1, 120.0, members, is_gang, &[]),
            task(1, 40.0, 2, false, &[0]),
        ];
        let jobs = WorkKind::Jobs { tasks, deadline: Some(seconds(400)) };
        let environments = WorkKind::Environments {
            cluster: ClusterId(0),
            follows: Vec::new(),
            life: Distribution::exponential(300.0),
            services: vec![ServiceId(2), ServiceId(2)],
        };
        scenario.work = vec![
            poisson(rate, jobs),
            Work { name: "previews".into(), ..poisson(rate, environments) },
        ];
        let broken = FaultKind::Node { cluster: ClusterId(0), pool: 0, count: 2 };
        scenario.faults = vec![fault(broken, down, Some(500))];
        scenario.horizon = seconds(5000);
        let mut alone = Alone::new(&scenario);
        let mut counts = [0_i64; 3];
        let mut now = 0;
        for (replicas, pause) in wishes.into_iter().chain([(0, 3000)]) {
            alone.wish(0, replicas);
            now = (now + pause).min(4999);
            alone.until(now);
            check_books(&alone.control)?;
            for note in notes(&mut alone) {
                match note {
                    WorkNote::Arrived => counts[0] += 1,
                    WorkNote::Ended { .. } => counts[1] += 1,
                    WorkNote::Due { .. } => counts[2] += 1,
                    _ => {}
                }
            }
            prop_assert_eq!(counts[0] - counts[1], alone.control.work_alive() as i64);
        }
        let placed: f64 = alone
            .control
            .pods
            .iter()
            .filter(|pod| pod.source.is_some() && pod.phase != Phase::Gone)
            .filter(|pod| pod.placement.is_some())
            .map(|pod| scenario.service(pod.service).resources.cpu_request.cores())
            .sum();
        prop_assert!((placed - alone.control.cores_held()).abs() < 1e-6);
    }
}
