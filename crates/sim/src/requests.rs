//! What travels between enactors and servers: writes, readings, transfers, and their answers.

use crate::action::{Item, News, Srv};
use crate::enactor::{Ask, Progress, Request};
use crate::world::World;
use dns::{Name, Rtype, Zone};
use steadfast_core::ledger::Loss;
use steadfast_core::lifecycle::Input;
use steadfast_core::server::{Reading, Reply};

impl World {
    /// The server that a request concerns.
    pub fn server_of(&self, item: Item) -> Option<usize> {
        let enactor = self.enactors.get(usize::from(item.0))?;
        enactor.requests.get(&item.1).map(|r| r.server)
    }

    pub(crate) fn send(&mut self, item: Item, news: &mut Vec<News>) {
        if let Some(Request {
            ask: Ask::Write(_, sent),
            done: false,
            ..
        }) = self.request(item)
        {
            *sent = true;
            news.push(News::Sent(item));
        }
    }

    pub(crate) fn deliver(&mut self, item: Item, news: &mut Vec<News>) {
        let now = self.now;
        let Some(Request {
            ask: Ask::Write(write, true),
            server,
            ..
        }) = self.request(item)
        else {
            return;
        };
        let (write, index) = (write.clone(), *server);
        let Some(server) = self.servers.get_mut(index) else {
            return;
        };
        let before = server.kept.clone();
        let Some(reply) = server.take(now, &write) else {
            return;
        };
        let id = server.id.clone();
        match &reply {
            Reply::Accepted => {
                self.stats.accepted += 1;
                news.extend(server.lags.then_some(News::Trails(index as Srv)));
                self.oracle.accepted(index, server, &before, &write, now);
            }
            Reply::Fenced(_) => {
                self.stats.fenced += 1;
                self.oracle.refused(index, write.seq, Loss::Fenced);
            }
            Reply::Late(..) => {
                self.stats.late += 1;
                self.oracle.refused(index, write.seq, Loss::Late);
            }
            _ => {}
        }
        if let Some(story) = &mut self.story {
            story.push((id.clone(), crate::story::write(item, &write, &reply)));
        }
        let Some(request) = self.request(item) else {
            return;
        };
        request.arrived = true;
        if request.reply.is_none() && !request.done {
            request.reply = Some(Input::Written(id, write.seq, reply));
            news.push(News::ReplyWaits(item));
        }
    }

    pub(crate) fn look(&mut self, item: Item, news: &mut Vec<News>) {
        let Some(request) = self.enactors.get_mut(usize::from(item.0)) else {
            return;
        };
        let Some(request) = request.requests.get_mut(&item.1).filter(|r| !r.done) else {
            return;
        };
        let Some(server) = self.servers.get(request.server).filter(|s| !s.down) else {
            return;
        };
        let marker = server
            .served
            .get(&(server.marker.clone(), Rtype::TXT))
            .cloned();
        let id = server.id.clone();
        let get = |name: &Name, rtype: Rtype| server.served.get(&(name.clone(), rtype)).cloned();
        let reply = match &mut request.ask {
            Ask::Write(..) => return,
            Ask::Read(wanted, progress) => match progress.clone() {
                Progress::Start => {
                    *progress = Progress::Marker(Reading {
                        before: marker,
                        rrsets: Vec::new(),
                        after: None,
                        soa: None,
                    });
                    return news.push(News::LookWaits(item));
                }
                Progress::Marker(mut reading) => {
                    let sets = wanted.iter().map(|(n, t)| (n.clone(), *t, get(n, *t)));
                    reading.rrsets = sets.collect();
                    *progress = Progress::Sets(reading);
                    return news.push(News::LookWaits(item));
                }
                Progress::Sets(mut reading) => {
                    reading.after = marker;
                    reading.soa = get(&server.apex, Rtype::SOA);
                    Input::Read(id, Ok(reading))
                }
            },
            Ask::Transfer => {
                let all = server.served.values().cloned().collect();
                let zone = Zone::new(server.apex.clone(), all).map_err(|e| e.to_string());
                Input::Transferred(id, zone)
            }
            Ask::Serials => {
                let serials = self.followers.serials(request.server, server);
                self.stats.world.unknown += u64::from(serials.is_err());
                Input::Serials(id, serials)
            }
        };
        request.reply = Some(reply);
        news.push(News::ReplyWaits(item));
    }

    pub(crate) fn give_back(&mut self, item: Item, news: &mut Vec<News>) {
        let Some(enactor) = self.enactor(item.0) else {
            return;
        };
        let lives = enactor.lives;
        let Some(request) = enactor.requests.get_mut(&item.1).filter(|r| !r.done) else {
            return;
        };
        let Some(reply) = request.reply.take() else {
            return;
        };
        request.done = true;
        if request.life == lives {
            self.step(item.0, reply, news);
        }
    }

    pub(crate) fn give_up(&mut self, item: Item, news: &mut Vec<News>) {
        let ids = self.ids.clone();
        let Some(enactor) = self.enactor(item.0) else {
            return;
        };
        let lives = enactor.lives;
        let Some(request) = enactor.requests.get_mut(&item.1).filter(|r| !r.done) else {
            return;
        };
        let Some(id) = ids.get(request.server).cloned() else {
            return;
        };
        let why = "no answer".to_owned();
        let input = match &request.ask {
            Ask::Write(write, true) => Input::Written(id, write.seq, Reply::Unknown(why)),
            Ask::Write(write, false) => Input::Written(id, write.seq, Reply::NotSent(why)),
            Ask::Read(..) => Input::Read(id, Err(why)),
            Ask::Transfer => Input::Transferred(id, Err(why)),
            Ask::Serials => Input::Serials(id, Err(why)),
        };
        request.done = true;
        if request.life == lives {
            self.step(item.0, input, news);
        }
    }
}
